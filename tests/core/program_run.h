// Programs run as a user runs them: with arguments, to an exit code and two streams.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/core/temp_folder.h"

namespace hat {

struct ProgramRun {
  int exit_code = 0;  // -N: ended by signal N
  std::string out, err;
};

// A program that runs beside the test; killed with this object if it still does. `command` is its
// path, or a name without a slash that PATH finds, then its arguments; no shell is in between.
class StartedProgram {
 public:
  explicit StartedProgram(std::vector<std::string> command);
  ~StartedProgram();
  StartedProgram(const StartedProgram&) = delete;
  StartedProgram& operator=(const StartedProgram&) = delete;

  // Waits until `happened`; false if the program ends before.
  bool RunsUntil(const std::function<bool()>& happened) const;
  // Sends the signal, unless it is 0, then waits.
  ProgramRun Wait(int signal = 0);

 private:
  const TempFolder streams_;
  pid_t process_ = 0;  // 0: waited for
};

ProgramRun RunProgram(std::vector<std::string> command);

// The text's words, which spaces part. A "{}" in a word stands for the next of `paths`, whatever is
// in it.
std::vector<std::string> Words(const std::string& text, const std::vector<std::string>& paths = {});

// Bad input: exit code 2, one line on stderr that starts with `start` and has `words`, no stdout.
void ExpectRefusal(const ProgramRun& run, const std::string& start, const std::string& words);

}  // namespace hat
