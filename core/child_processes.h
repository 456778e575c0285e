// Work that runs beside this program, in processes of its own.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <functional>
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

// Why one failed, for people: its last error without "hat simulate: " in front, else the signal or
// the exit code.
std::string ReasonOf(const EndedChild& ended);

// Those that still run are terminated when the object goes, and are waited for.
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
  // The same for a function, in a copy of this process as it is now, which must have no other
  // thread, but for the files that are open. What it throws becomes its last error and the exit
  // code that a program of ours would have (2 for an InputError, else 1). Ctrl-C, a hang-up and
  // SIGTERM, which schedulers send to all processes of a job, are left to this process.
  void Start(size_t index, const std::function<void()>& work);
  // Ends those with an index from `first` on: programs by SIGTERM, functions by SIGKILL.
  void Terminate(size_t first = 0);
  // Those that have ended since; waits for one, 50 ms at most or until a signal comes.
  std::vector<EndedChild> Reap();

 private:
  struct FileCloser {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  struct Running {
    size_t index = 0;
    int end_signal = 0;
    std::unique_ptr<std::FILE, FileCloser> errors;  // its stderr
    int alive = -1;  // a pipe's end that hangs up when the process is gone
  };

  struct Pipes {
    int errors = -1;  // to become its stderr
    int failed = -1;  // takes an error that kept it from starting, and closes if none did
    int alive = -1;   // closes when it is gone
  };
  // Becomes, in the child, what it is to be; does not return there.
  using Child = std::function<void(const Pipes&)>;
  void Fork(size_t index, int end_signal, const std::string& name, const Child& become);
  void WaitAMoment() const;

  std::map<pid_t, Running> running_;
};

// Runs one to its end, which comes with SIGTERM if this program is interrupted (interrupt.h).
// Throws RunError if it cannot start.
EndedChild RunChild(const std::vector<std::string>& words);

// The folder of the running program.
std::string ProgramFolder();

}  // namespace hat
