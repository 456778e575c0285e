#include "cli/run_plot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"

extern char** environ;

namespace hat {

void RunPlot(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {HAT_PYTHON, fmt::format("{}/{}", HAT_PLOTS_DIR, script)};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ);
  if (error != 0) {
    throw RunError(
        fmt::format("cannot start '{}' for the figure: {}", words[0], std::strerror(error)));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  throw RunError(fmt::format("plots/{} failed: {}", script, fmt::join(arguments, " ")));
}

}  // namespace hat
