// What a live cloud and a live device are made of, loaded before a run begins. A device holds the
// first layers, what drafts, and the head; a cloud the layers between. Free of torch.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "protocol/deployment.h"
#include "runtime/model/config.h"
#include "runtime/pace/pace.h"
#include "runtime/serve/wire/connection.h"
#include "runtime/session/near_tie.h"
#include "runtime/session/session_tokens.h"
#include "runtime/session/whole_model.h"
#include "world/compute_queue.h"

namespace hat {

struct CloudModel;
struct DeviceModel;
struct Model;

struct ServedOptions {
  std::string model;  // a checkpoint's folder
  SplitPlan plan;     // of its layers, and what states are computed and sent in
  SystemSpec system;
  std::string adapter = {}, medusa = {};  // a file or random:SEED, where the system needs it
  int stages = 1;                         // of the cloud's pipeline
  bool ends_at_end_of_text = true;
  // Of frames, where they imitate a larger model's: values per state and their dtype. 0: the
  // model's own, in the plan's wire dtype.
  int frame_hidden = 0;
  Dtype frame_dtype = Dtype::kFloat16;

  int64_t state_bytes() const { return int64_t{frame_hidden} * BytesPerValue(frame_dtype); }
};

// SHA-256 of the system's name, parts and options, as 64 hex digits.
std::string SystemSha256(const SystemSpec& system);

// What both sides have in common.
class ServedModel {
 public:
  const ServedOptions& options() const { return options_; }
  const ModelConfig& config() const { return config_; }
  const Agreement& agreement() const { return agreement_; }
  const Handshake& handshake() const { return handshake_; }

 protected:
  ServedModel(const ServedOptions& options, const ModelConfig& config, const std::string& id);
  ~ServedModel() = default;

 private:
  ServedOptions options_;
  ModelConfig config_;
  Agreement agreement_;
  Handshake handshake_;
};

class ServedCloud : public ServedModel {
 public:
  explicit ServedCloud(const ServedOptions& options);  // throws InputError
  ~ServedCloud();

  // A port of it: one per replica. As LiveCloudCompute's. References outlive it.
  std::unique_ptr<CloudCompute> MakeCompute(int session_positions, World& world,
                                            StagePace& pace) const;

 private:
  ServedCloud(const ServedOptions& options, const Model& model);
  std::unique_ptr<CloudModel> cloud_;
};

class ServedDevice : public ServedModel {
 public:
  explicit ServedDevice(const ServedOptions& options);  // throws InputError
  ~ServedDevice();

  const DevicePolicies& policies() const { return policies_; }
  // The port of one session. References outlive it.
  std::unique_ptr<DeviceCompute> MakeCompute(const Request& request, ComputeQueue& gpu,
                                             DevicePace& pace, SessionTokens& tokens) const;

 private:
  ServedDevice(const ServedOptions& options, const Model& model);
  std::unique_ptr<DeviceModel> device_;
  NearTieRule near_;
  std::vector<int> end_tokens_;
  DevicePolicies policies_;
};

}  // namespace hat
