// Programs that run beside this one.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace hat {

// How one went.
struct EndedChild {
  size_t index = 0;        // as given to Start()
  int exit_code = 0;       // 128 + signal if a signal ended it
  std::string last_error;  // the last line on its stderr that is not empty
};

// Those that still run get SIGTERM when the object goes, and are waited for.
class ChildProcesses {
 public:
  ChildProcesses() = default;
  ~ChildProcesses();
  ChildProcesses(const ChildProcesses&) = delete;
  ChildProcesses& operator=(const ChildProcesses&) = delete;

  size_t count() const { return running_.size(); }  // of those that run

  // `words`: the program's path and its arguments. It gets no stdin, its stdout is dropped. It is
  // killed if this thread ends before it, however that comes about. Throws RunError if it cannot
  // start.
  void Start(size_t index, const std::vector<std::string>& words);
  // Sends SIGTERM to those with an index from `first` on.
  void Terminate(size_t first = 0);
  // Those that have ended since; waits a moment (10 ms) if there are none.
  std::vector<EndedChild> Reap();

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct Running {
    size_t index = 0;
    std::unique_ptr<std::FILE, FileCloser> errors;  // its stderr
  };
  std::map<pid_t, Running> running_;
};

// Runs one to its end, which comes with SIGTERM if this program is interrupted (interrupt.h).
// Throws RunError if it cannot start.
EndedChild RunChild(const std::vector<std::string>& words);

// The folder of the running program.
std::string ProgramFolder();

}  // namespace hat
