#include "tests/bench/fresh_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>

#include "core/error.h"

namespace hat {
namespace {

double CpuSeconds(const rusage& usage) {
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double ClockSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

[[noreturn]] void RunChild(const std::function<Work(Stopwatch&)>& body, int out) {
  try {
    Stopwatch watch;
    Measured measured;
    measured.work = body(watch);
    measured.cpu_s = watch.cpu_s();
    measured.wall_s = watch.wall_s();
    if (write(out, &measured, sizeof measured) == sizeof measured) _exit(0);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  _exit(1);
}

}  // namespace

double ProcessCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return CpuSeconds(usage);
}

void Stopwatch::Start() {
  cpu_s_ = -ProcessCpuSeconds();
  wall_s_ = -ClockSeconds();
}

void Stopwatch::Stop() {
  cpu_s_ += ProcessCpuSeconds();
  wall_s_ += ClockSeconds();
}

Measured MeasureInFreshProcess(const std::function<Work(Stopwatch&)>& body) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw RunError("no pipe for a measurement");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw RunError("no process for a measurement");
  if (child == 0) RunChild(body, ends[1]);
  close(ends[1]);
  Measured measured;
  const bool is_whole = read(ends[0], &measured, sizeof measured) == sizeof measured;
  close(ends[0]);
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (!is_whole || status != 0) throw RunError("a measured process failed");
  measured.peak_bytes = static_cast<double>(usage.ru_maxrss) * 1024;
  return measured;
}

Measured MeasureProgram(const std::vector<std::string>& arguments) {
  std::vector<char*> words;
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  const double start = ClockSeconds();
  const pid_t child = fork();
  if (child < 0) throw RunError("no process for a measurement");
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    execv(words[0], words.data());
    _exit(127);
  }
  int status = 0;
  rusage usage{};
  wait4(child, &status, 0, &usage);
  if (status != 0) throw RunError(fmt::format("{} failed", arguments[0]));
  Measured measured;
  measured.cpu_s = CpuSeconds(usage);
  measured.wall_s = ClockSeconds() - start;
  measured.peak_bytes = static_cast<double>(usage.ru_maxrss) * 1024;
  return measured;
}

}  // namespace hat
