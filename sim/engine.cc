#include "sim/engine.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "sim/simgrid_world.h"
#include "world/guarded_world.h"

namespace hat {
namespace {

class FiberEngine : public Engine {
 public:
  World& world() override { return world_; }
  Flows* flows() override { return nullptr; }
  void CallFirstAt(Seconds t, std::function<void()> callback) override {
    world_.CallFirstAt(t, std::move(callback));
  }
  void Run(std::function<void()> main) override { world_.RunUntilEndOf(std::move(main)); }
  std::optional<Seconds> next_callback() const override { return world_.next_callback(); }

 private:
  GuardedWorld world_;
};

}  // namespace

std::string_view Name(EngineKind kind) {
  return kind == EngineKind::kFibers ? "fibers" : "simgrid";
}

EngineKind EngineNamed(const std::string& name) {
  for (const EngineKind kind : {EngineKind::kFibers, EngineKind::kSimGrid}) {
    if (name == Name(kind)) return kind;
  }
  throw InputError(fmt::format("no engine is named '{}'; there are: fibers, simgrid", name));
}

std::unique_ptr<Engine> MakeEngine(EngineKind kind, const SharedPlatform* shared) {
  if (kind == EngineKind::kSimGrid) return std::make_unique<SimGridWorld>(shared);
  HAT_CHECK(shared == nullptr);
  return std::make_unique<FiberEngine>();
}

std::string Description(EngineKind kind) {
  return kind == EngineKind::kSimGrid ? SimGridWorld::Description() : "fibers";
}

int MaxActivities(EngineKind /*kind*/) { return SimGridWorld::MaxActivities(); }

}  // namespace hat
