// A function with a stack of its own, run by turns on the caller's thread: Resume() runs it until
// it calls Yield(). On glibc's ucontext, announced to the address and thread sanitizers.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>

namespace hat {

class Fiber {
 public:
  // The stack is mapped lazily, with a guard page below it.
  explicit Fiber(std::function<void()> body, size_t stack_bytes = size_t{1} << 20);
  ~Fiber();  // a fiber that has not ended is dropped: its stack is freed, destructors on it do not
             // run
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void Resume();  // from outside
  void Yield();   // from within
  bool has_ended() const { return has_ended_; }

 private:
  static void Enter(unsigned low, unsigned high);
  void SwitchTo(ucontext_t& from, ucontext_t& to, bool into_fiber);

  std::function<void()> body_;
  char* mapped_ = nullptr;  // a guard page, then the stack
  size_t mapped_bytes_ = 0;
  char* stack_ = nullptr;
  size_t stack_bytes_ = 0;
  ucontext_t inside_{};
  ucontext_t outside_{};
  bool has_ended_ = false;
  // Of the sanitizers; unused without them.
  void* inside_fake_stack_ = nullptr;
  void* outside_fake_stack_ = nullptr;
  const void* outside_stack_ = nullptr;
  size_t outside_stack_bytes_ = 0;
  void* inside_tsan_ = nullptr;
  void* outside_tsan_ = nullptr;
};

}  // namespace hat
