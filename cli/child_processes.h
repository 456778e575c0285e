// Runs programs side by side, a few at a time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hat {

struct ChildProcess {
  std::vector<std::string> words;  // the program's path and its arguments
};

// How all of them went.
struct ChildrenResult {
  struct Failure {
    size_t index = 0;        // of the child
    int exit_code = 0;       // 128 + signal if a signal ended it
    std::string last_error;  // the last line on its stderr that is not empty
  };
  bool is_interrupted = false;
  std::optional<Failure> failure;  // the first in the order of the children
};

// Runs all, `jobs` at once, in order; they get no stdin, their stdout is dropped. If one ends with
// another code than 0, no more start and those after it get SIGTERM; those before it go on, so that
// which failure is reported does not depend on who was faster. If `is_interrupted` returns true,
// all get SIGTERM. Returns when none runs any more. `on_end` is called after each that ended with
// 0, with the number of those. Throws RunError if one cannot start.
ChildrenResult RunChildren(const std::vector<ChildProcess>& children, int jobs,
                           const std::function<bool()>& is_interrupted,
                           const std::function<void(int)>& on_end);

// The folder of the running program.
std::string ProgramFolder();

}  // namespace hat
