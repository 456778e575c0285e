#include "tests/bench/child.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <fstream>

#include "core/error.h"
#include "tests/bench/fresh_process.h"

namespace hat {
namespace {

double ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  double size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

[[noreturn]] void Run(const std::function<void(const ChildLine&)>& body, int socket) {
  int code = 1;
  try {
    body(ChildLine(socket));
    code = 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
  }
  std::fflush(nullptr);
  _exit(code);
}

}  // namespace

void ChildLine::Say(double number) const {
  if (write(socket_, &number, sizeof number) != sizeof number) throw RunError("nobody listens");
}

void ChildLine::Answer(const std::function<double()>& count) const {
  for (char question = 0; read(socket_, &question, 1) == 1;) {
    Say(count());
    Say(ProcessCpuSeconds());
    Say(ResidentBytes());
  }
}

Child::Child(const std::function<void(const ChildLine&)>& body) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw RunError("no sockets for a measured process");
  }
  std::fflush(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw RunError("no process for a measurement");
  if (pid_ == 0) {
    close(ends[0]);
    Run(body, ends[1]);
  }
  close(ends[1]);
  socket_ = ends[0];
}

Child::~Child() {
  close(socket_);
  waitpid(pid_, nullptr, 0);
}

double Child::Hear() const {
  double number = 0;
  if (recv(socket_, &number, sizeof number, MSG_WAITALL) != sizeof number) {
    throw RunError("a measured process has failed");
  }
  return number;
}

Child::Usage Child::Ask() const {
  const char question = '?';
  if (send(socket_, &question, 1, MSG_NOSIGNAL) != 1)
    throw RunError("a measured process has ended");
  Usage usage;
  usage.count = Hear();
  usage.cpu_s = Hear();
  usage.resident_bytes = Hear();
  return usage;
}

}  // namespace hat
