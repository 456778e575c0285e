// Measurements in processes of their own: SimGrid allows one engine a process, and each run then
// starts from the same memory.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace hat {

// What a run did.
struct Work {
  double rounds = 0;
  double told = 0;  // events that the observer was told
  double simulated_s = 0;
};

struct Measured {
  Work work;
  double cpu_s = 0;  // user + system: on a busy machine nearer to the truth than the clock
  double wall_s = 0;
  double peak_bytes = 0;  // largest resident set of the whole process
};

// That this process has taken so far, user and system, all threads.
double ProcessCpuSeconds();

// Between Start() and Stop().
class Stopwatch {
 public:
  void Start();
  void Stop();
  double cpu_s() const { return cpu_s_; }
  double wall_s() const { return wall_s_; }

 private:
  double cpu_s_ = 0;
  double wall_s_ = 0;
};

// Runs `body` in a child process; `body` says with the stopwatch what is to be timed. Throws
// RunError if the child failed; what it threw is on stderr then.
Measured MeasureInFreshProcess(const std::function<Work(Stopwatch&)>& body);

// A program with its arguments, from its start to its end; its output is thrown away. Throws
// RunError if it fails.
Measured MeasureProgram(const std::vector<std::string>& arguments);

}  // namespace hat
