// A tiny model in a folder with drafters that are often right, and prompts for it.
#pragma once

#include <string>

#include "experiments/traces/prompt_file.h"
#include "runtime/trace/trace_recording.h"
#include "tests/core/temp_folder.h"

namespace hat {

class DraftedFolder {
 public:
  // A split of 1; random Medusa heads, which a vocabulary this small lets be right now and then.
  DraftedFolder(int prompts, int vocabulary);

  std::string operator/(const std::string& name) const { return folder_ / name; }
  const std::string& path() const { return folder_.path(); }
  const DraftedModel& model() const { return model_; }
  const PromptFile& prompts() const { return prompts_; }  // prompts.csv in the folder

 private:
  const TempFolder folder_;
  DraftedModel model_;
  PromptFile prompts_;
};

}  // namespace hat
