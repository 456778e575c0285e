#include "cli/run_plot.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "cli/child_processes.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/interrupt.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

// Beside the image, with its ending, by which the script knows the format.
std::string Unfinished(const fs::path& image) {
  return image.parent_path() /
         fmt::format(".{}.tmp-{}{}", image.stem().string(), ::getpid(), image.extension().string());
}

}  // namespace

void RunPlot(const std::string& script, const std::string& data, const std::string& image,
             const std::vector<std::string>& more) {
  const std::string unfinished = Unfinished(image);
  ChildProcess child;
  child.words = {HAT_PYTHON, fmt::format("{}/plots/{}", ShareFolder(), script), data, unfinished};
  child.words.insert(child.words.end(), more.begin(), more.end());
  const ChildrenResult result = RunChildren({child}, 1, IsInterrupted, [](int) {});
  std::error_code error;
  if (!result.failure && !result.is_interrupted) fs::rename(unfinished, image, error);
  if (!result.failure && !result.is_interrupted && !error) return;
  const std::string reason = result.is_interrupted ? "interrupted"
                             : result.failure      ? result.failure->last_error
                                                   : error.message();
  fs::remove(unfinished, error);
  throw RunError(fmt::format("cannot draw '{}': {}", image, reason));
}

}  // namespace hat
