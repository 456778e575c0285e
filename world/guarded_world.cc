#include "world/guarded_world.h"

#include <utility>

namespace hat {

void GuardedWorld::Start(const std::string& name, std::function<void()> body) {
  MemoryWorld::Start(name, [this, body = std::move(body)] {
    try {
      body();
    } catch (const EndOfActivity&) {
    } catch (...) {
      Fail(std::current_exception());
    }
  });
}

void GuardedWorld::Fail(std::exception_ptr failure) {
  if (!failure_) failure_ = std::move(failure);
  if (failure_stops_) Stop();
}

void GuardedWorld::RunToEnd() {
  Run();
  if (failure_) std::rethrow_exception(failure_);
}

void GuardedWorld::RunUntilEndOf(std::function<void()> main) {
  failure_stops_ = true;
  Start("main", [this, body = std::move(main)] {
    body();
    Stop();
  });
  try {
    Run();
  } catch (...) {
    Fail(std::current_exception());
  }
  EndActivities();
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace hat
