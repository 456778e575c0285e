#include "world/fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
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

Fiber::Fiber(std::function<void()> body, size_t stack_bytes) : body_(std::move(body)) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  mapped_bytes_ = stack_bytes + page;
  void* memory = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  HAT_CHECK(memory != MAP_FAILED, "no memory for a fiber's stack");
  mapped_ = static_cast<char*>(memory);
  stack_ = mapped_ + page;
  stack_bytes_ = stack_bytes;
  HAT_CHECK(mprotect(mapped_, page, PROT_NONE) == 0);
  HAT_CHECK(getcontext(&inside_) == 0);
  inside_.uc_stack.ss_sp = stack_;
  inside_.uc_stack.ss_size = stack_bytes_;
  inside_.uc_link = nullptr;
  const auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2,
              static_cast<unsigned>(self & 0xffffffffu), static_cast<unsigned>(self >> 32));
  // Else the address sanitizer would forget at every switch what it knows of the stack.
  inside_.uc_stack = {};
#if defined(__SANITIZE_THREAD__)
  inside_tsan_ = __tsan_create_fiber(0);
#endif
}

Fiber::~Fiber() {
#if defined(__SANITIZE_THREAD__)
  __tsan_destroy_fiber(inside_tsan_);
#endif
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(stack_, stack_bytes_);
#endif
  munmap(mapped_, mapped_bytes_);
}

void Fiber::Enter(unsigned low, unsigned high) {
  auto* fiber = reinterpret_cast<Fiber*>((static_cast<uintptr_t>(high) << 32) | low);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &fiber->outside_stack_, &fiber->outside_stack_bytes_);
#endif
  fiber->body_();
  fiber->has_ended_ = true;
  fiber->Yield();
}

void Fiber::Resume() {
  HAT_CHECK(!has_ended_);
  SwitchTo(outside_, inside_, true);
}

void Fiber::Yield() { SwitchTo(inside_, outside_, false); }

void Fiber::SwitchTo(ucontext_t& from, ucontext_t& to, [[maybe_unused]] bool into_fiber) {
#if defined(__SANITIZE_ADDRESS__)
  void** fake_stack = into_fiber   ? &outside_fake_stack_
                      : has_ended_ ? nullptr
                                   : &inside_fake_stack_;
  __sanitizer_start_switch_fiber(fake_stack, into_fiber ? stack_ : outside_stack_,
                                 into_fiber ? stack_bytes_ : outside_stack_bytes_);
#endif
#if defined(__SANITIZE_THREAD__)
  if (into_fiber) outside_tsan_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(into_fiber ? inside_tsan_ : outside_tsan_, 0);
#endif
  HAT_CHECK(swapcontext(&from, &to) == 0);
#if defined(__SANITIZE_ADDRESS__)
  if (into_fiber) {
    __sanitizer_finish_switch_fiber(outside_fake_stack_, nullptr, nullptr);
  } else {
    __sanitizer_finish_switch_fiber(inside_fake_stack_, &outside_stack_, &outside_stack_bytes_);
  }
#endif
}

}  // namespace hat
