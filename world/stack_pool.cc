#include "world/stack_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "core/error.h"

namespace hat {
namespace {

constexpr size_t kLarge = size_t{64} << 10;  // from here on every stack has a guard page
constexpr size_t kGuarded = 4096;            // of smaller ones, the first
constexpr size_t kFirstStacks = 16;
constexpr size_t kMostStacks = 4096;  // of one slab

// Tops at the same place of every page would all compete for the same few lines of a cache: they
// are spread over a page.
constexpr size_t kLine = 64;
size_t Shift(size_t stack, size_t page) { return stack * 13 % (page / kLine) * kLine; }

}  // namespace

StackPool::StackPool(size_t stack_bytes) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  stack_bytes_ = (stack_bytes + page - 1) / page * page;
}

StackPool::~StackPool() {
  for (const Slab& slab : slabs_) munmap(slab.memory, slab.bytes);
}

StackPool::Stack StackPool::Take() {
  if (free_.empty()) Grow();
  const Stack stack = free_.back();
  free_.pop_back();
  return stack;
}

// A slab of as many stacks as there are already. Each: a guard page or none, the stack, a page that
// its top is shifted into.
void StackPool::Grow() {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t count = std::clamp(stacks_, kFirstStacks, kMostStacks);
  const bool is_guarded = stack_bytes_ >= kLarge || stacks_ + count <= kGuarded;
  const size_t each = (is_guarded ? page : 0) + stack_bytes_ + page;
  void* const memory = mmap(nullptr, count * each, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  HAT_CHECK(memory != MAP_FAILED, "no memory for the stacks of activities");
  // Each activity touches another page: with huge ones the processor knows where they all are.
  if (!is_guarded) madvise(memory, count * each, MADV_HUGEPAGE);
  slabs_.push_back({memory, count * each});
  for (size_t i = count; i-- > 0;) {
    char* low = static_cast<char*>(memory) + i * each;
    if (is_guarded) {
      HAT_CHECK(mprotect(low, page, PROT_NONE) == 0);
      low += page;
    }
    free_.push_back({low, low + stack_bytes_ + Shift(stacks_ + i, page)});
  }
  stacks_ += count;
}

}  // namespace hat
