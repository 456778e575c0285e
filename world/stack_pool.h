// Stacks for fibers, all of one size. One that was given back is the next to be taken: it is the
// one most likely to be in a cache. The pages of a stack are the machine's only once they are
// touched.
//
// Large stacks have a guard page each, and so have the first few thousand small ones: a guard page
// costs two of the process's memory maps, of which Linux allows 65,530. Stacks beyond these begin
// where others end; since all fibers of a pool run the same code, one that needs more than it has
// is found by those in front.
#pragma once

#include <cstddef>
#include <vector>

namespace hat {

class StackPool {
 public:
  explicit StackPool(size_t stack_bytes);
  ~StackPool();  // all stacks must have been given back, or be in use no more
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  struct Stack {
    char* low = nullptr;
    char* top = nullptr;  // aligned to 64 bytes, not to a page: see .cc
  };
  Stack Take();
  void GiveBack(Stack stack) { free_.push_back(stack); }

 private:
  void Grow();

  struct Slab {
    void* memory;
    size_t bytes;
  };
  size_t stack_bytes_;
  std::vector<Slab> slabs_;
  std::vector<Stack> free_;
  size_t stacks_ = 0;
};

}  // namespace hat
