#include "cli/run_plot.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "cli/shipped.h"
#include "core/child_processes.h"
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
  std::vector<std::string> words = {
      HAT_PYTHON, "-B", fmt::format("{}/plots/{}", ShareFolder(), script), data, unfinished};
  words.insert(words.end(), more.begin(), more.end());
  const EndedChild plot = RunChild(words);
  const bool is_drawn = plot.exit_code == 0 && !IsInterrupted();
  std::error_code error;
  if (is_drawn) fs::rename(unfinished, image, error);
  if (is_drawn && !error) return;
  const std::string reason = IsInterrupted() ? "interrupted"
                             : is_drawn      ? error.message()
                                             : plot.last_error;
  fs::remove(unfinished, error);
  throw RunError(fmt::format("cannot draw '{}': {}", image, reason));
}

}  // namespace hat
