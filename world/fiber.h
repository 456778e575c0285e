// A function with a stack of its own, run by turns on the caller's thread: Resume() runs it until
// it calls Yield(). On Boost.Context's switch of stacks, announced to the address and thread
// sanitizers.
#pragma once

#include <functional>

#include "world/stack_pool.h"

namespace hat {

class Fiber {
 public:
  // `stack`, not owned, must outlive the fiber.
  Fiber(std::function<void()> body, StackPool::Stack stack);
  ~Fiber();  // a fiber that has not ended is dropped: destructors on its stack do not run
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void Resume();  // from outside
  void Yield();   // from within
  bool has_ended() const { return has_ended_; }

 private:
  struct Switch;
  void SwitchTo(void*& to, bool into_fiber);

  void* inside_ = nullptr;  // where it goes on
  void* outside_ = nullptr;
  bool has_ended_ = false;
  StackPool::Stack stack_;
  std::function<void()> body_;
#if defined(__SANITIZE_ADDRESS__)
  void* inside_fake_stack_ = nullptr;
  void* outside_fake_stack_ = nullptr;
  const void* outside_stack_ = nullptr;
  size_t outside_stack_bytes_ = 0;
#endif
#if defined(__SANITIZE_THREAD__)
  void* inside_tsan_ = nullptr;
  void* outside_tsan_ = nullptr;
#endif
};

}  // namespace hat
