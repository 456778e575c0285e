// The in-memory world, whose activities may throw: the failure ends the run.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "world/memory_world.h"

namespace hat {

class GuardedWorld : public MemoryWorld {
 public:
  using MemoryWorld::MemoryWorld;

  void Start(const std::string& name, std::function<void()> body) override;

  // A failure outside an activity (in a callback).
  void Fail(std::exception_ptr failure);
  bool has_failed() const { return failure_ != nullptr; }

  // Runs until nothing is left to do; rethrows the first failure.
  void RunToEnd();

  // Runs `main` as an activity until it has ended; nothing else happens then, and all other
  // activities end where they wait. The first failure of an activity or a callback ends the run
  // likewise, and is rethrown.
  void RunUntilEndOf(std::function<void()> main);

 private:
  std::exception_ptr failure_;
  bool failure_stops_ = false;
};

}  // namespace hat
