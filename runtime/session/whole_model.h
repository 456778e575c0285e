// The reference: one model in one piece, a token a step, greedy, rounded to the wire's dtype where
// a split model is cut.
#pragma once

#include <memory>
#include <string>

#include "runtime/session/generation.h"

namespace hat {

struct Model;

// How a model is cut and computed. Free of torch.
struct SplitPlan {
  int split = 2;  // layers on the device; 1 to layers - 1
  Compute compute;
  Dtype wire = Dtype::kFloat32;
  bool is_device_int8 = false;  // the device's weights are kept as int8; the cloud's are not

  Compute DeviceCompute() const { return {compute.dtype, compute.device, is_device_int8}; }
};

// Throws InputError where the split leaves one side without a layer, and for a model of one layer.
void CheckSplit(const SplitPlan& plan, const ModelConfig& config);

class WholeModel {
 public:
  // A model of one layer is rounded in front of it; any other where the plan cuts. Without
  // `ends_at_end_of_text` an end-of-text token is a token like any other.
  WholeModel(const Model& model, const SplitPlan& plan, bool ends_at_end_of_text = true);
  WholeModel(const std::string& folder, const SplitPlan& plan,  // a checkpoint's
             bool ends_at_end_of_text = true);
  ~WholeModel();

  Generation Generate(const GenerationRequest& request, const TokenListener& on_tokens = {});

 private:
  struct Parts;
  Generation GenerateAll(const GenerationRequest& request, const TokenListener& on_tokens);

  std::unique_ptr<Parts> parts_;
};

}  // namespace hat
