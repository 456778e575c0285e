// The options of trace verbs that say whose drafts they are about.
#pragma once

#include <optional>
#include <string>

#include "core/program.h"
#include "runtime/model/config.h"
#include "runtime/session/whole_model.h"
#include "runtime/trace/trace_recording.h"

namespace hat {

class TraceModelOptions {
 public:
  explicit TraceModelOptions(CommandLine& line);

  // After Parse(): drafters that were not named are those that lie in the model's folder, if any;
  // the split is by default 2, or one less than the model has layers. Throws InputError.
  DraftedModel Read() const;
  int threads() const { return threads_; }

 private:
  DraftedModel given_;
  std::optional<int> split_;
  int threads_ = 1;
};

}  // namespace hat
