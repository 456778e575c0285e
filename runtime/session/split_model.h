// A model that is split between a device and a cloud, both in this process: the protocol's own code
// over real tokens, in the in-memory world. Answers take a random time on its virtual clock, so
// that drafting ahead is cut short now and then.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/observer.h"
#include "protocol/system.h"
#include "runtime/session/generation.h"
#include "runtime/session/whole_model.h"

namespace hat {

struct SplitOptions {
  SplitPlan plan;
  SystemSpec system = FindSystem("hat");  // of kind split or Medusa
  std::string adapter;                    // where it drafts: a file or "random:SEED"
  std::string medusa;                     // of kind Medusa: likewise
  int stages = 1;                   // of the cloud's pipeline; at most the layers after the split
  int devices = 1;                  // requests go to them in turn
  uint64_t seed = 1;                // of answers' delays
  double delay_ms = 8;              // at most, of an answer: the longer, the more is drafted ahead
  bool ends_at_end_of_text = true;  // false: an end-of-text token is a token like any other
  Observer* observer = nullptr;     // told every event, on the virtual clock; not owned
};

class SplitModel {
 public:
  // Throws InputError: a system that is not split, parts that contradict each other, a file that
  // does not fit the model.
  SplitModel(const Model& model, const SplitOptions& options);
  SplitModel(const std::string& folder, const SplitOptions& options);  // a checkpoint's
  ~SplitModel();

  // All requests at once, as if they arrived at the same moment.
  std::vector<Generation> Generate(const std::vector<GenerationRequest>& requests,
                                   const TokenListener& on_tokens = {});
  Generation Generate(const GenerationRequest& request, const TokenListener& on_tokens = {});

 private:
  friend class SplitRun;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace hat
