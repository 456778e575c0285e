// A measured side in a process of its own that goes on while the other side is measured beside it.
#pragma once

#include <sys/types.h>

#include <functional>

namespace hat {

// The child's end of what the two say to each other: numbers.
class ChildLine {
 public:
  explicit ChildLine(int socket) : socket_(socket) {}
  void Say(double number) const;
  // Tells `count()` and what the process has taken whenever asked; returns once the parent is done.
  void Answer(const std::function<double()>& count) const;

 private:
  int socket_;
};

class Child {
 public:
  struct Usage {
    double count = 0;  // of what the child counts
    double cpu_s = 0;  // user + system, of all its threads
    double resident_bytes = 0;
  };

  // `body` runs in a fork of this process, which must have no threads.
  explicit Child(const std::function<void(const ChildLine&)>& body);
  ~Child();  // lets the body return, and waits for it
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // What it says next. Throws RunError: it has ended instead.
  double Hear() const;
  Usage Ask() const;

 private:
  pid_t pid_ = 0;
  int socket_ = -1;
};

}  // namespace hat
