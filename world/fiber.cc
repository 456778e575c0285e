#include "world/fiber.h"

#include <boost/context/detail/fcontext.hpp>
#include <utility>

#include "core/error.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace hat {

namespace context = boost::context::detail;

struct Fiber::Switch {
  static void Enter(context::transfer_t from) {
    auto* fiber = static_cast<Fiber*>(from.data);
    fiber->outside_ = from.fctx;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(nullptr, &fiber->outside_stack_, &fiber->outside_stack_bytes_);
#endif
    fiber->body_();
    fiber->has_ended_ = true;
    fiber->Yield();
  }
};

Fiber::Fiber(std::function<void()> body, StackPool::Stack stack)
    : stack_(stack), body_(std::move(body)) {
  inside_ =
      context::make_fcontext(stack.top, static_cast<size_t>(stack.top - stack.low), &Switch::Enter);
#if defined(__SANITIZE_THREAD__)
  inside_tsan_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(inside_tsan_);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack_.low, static_cast<size_t>(stack_.top - stack_.low));
#endif
}

void Fiber::Resume() {
  HAT_CHECK(!has_ended_);
  SwitchTo(inside_, true);
}

void Fiber::Yield() {
  HAT_CHECK(__builtin_frame_address(0) > stack_.low, "an activity's stack is too small");
  SwitchTo(outside_, false);
}

// `to` then holds where the other side goes on.
void Fiber::SwitchTo(void*& to, [[maybe_unused]] bool into_fiber) {
#if defined(__SANITIZE_ADDRESS__)
  void** fake_stack = into_fiber   ? &outside_fake_stack_
                      : has_ended_ ? nullptr
                                   : &inside_fake_stack_;
  __sanitizer_start_switch_fiber(
      fake_stack, into_fiber ? stack_.low : outside_stack_,
      into_fiber ? static_cast<size_t>(stack_.top - stack_.low) : outside_stack_bytes_);
#endif
#if defined(__SANITIZE_THREAD__)
  if (into_fiber) outside_tsan_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(into_fiber ? inside_tsan_ : outside_tsan_, 0);
#endif
  to = context::jump_fcontext(to, this).fctx;
#if defined(__SANITIZE_ADDRESS__)
  if (into_fiber) {
    __sanitizer_finish_switch_fiber(outside_fake_stack_, nullptr, nullptr);
  } else {
    __sanitizer_finish_switch_fiber(inside_fake_stack_, &outside_stack_, &outside_stack_bytes_);
  }
#endif
}

}  // namespace hat
