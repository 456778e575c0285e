// The in-memory world, whose activities may throw: the failure ends the run.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "world/memory_world.h"

namespace hat {

// What an activity throws that ends early: no failure.
struct EndOfActivity {};

class GuardedWorld : public MemoryWorld {
 public:
  void Start(const std::string& name, std::function<void()> body) override;

  // A failure outside an activity (in a callback).
  void Fail(std::exception_ptr failure);
  bool has_failed() const { return failure_ != nullptr; }

  // Runs until nothing is left to do; rethrows the first failure.
  void RunToEnd();

 private:
  std::exception_ptr failure_;
};

}  // namespace hat
