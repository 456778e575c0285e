#include "sim/engine.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "core/error.h"
#include "sim/simgrid_module.h"
#include "world/guarded_world.h"

namespace hat {
namespace {

// Enough for the protocol's code, an observer's and an exception's way out.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t kStackBytes = size_t{256} << 10;
#else
constexpr size_t kStackBytes = size_t{16} << 10;
#endif

// Beside the program, where the build puts it, or where a program in bin/ finds its libraries.
const SimGridModule& LoadSimGrid() {
  static const SimGridModule* const kModule = [] {
    const std::filesystem::path folder =
        std::filesystem::read_symlink("/proc/self/exe").parent_path();
    std::filesystem::path path = folder / "hat_simgrid.so";
    if (!std::filesystem::exists(path)) path = folder / "../lib/hat/hat_simgrid.so";
    void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (module == nullptr) {
      throw RunError(fmt::format("cannot load the engine simgrid: {}", dlerror()));
    }
    using Get = const SimGridModule*();
    auto* const get = reinterpret_cast<Get*>(dlsym(module, kSimGridSymbol));
    HAT_CHECK(get != nullptr);
    return get();
  }();
  return *kModule;
}

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
  GuardedWorld world_{kStackBytes};
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
  if (kind == EngineKind::kSimGrid) return LoadSimGrid().make(shared);
  HAT_CHECK(shared == nullptr);
  return std::make_unique<FiberEngine>();
}

std::string Description(EngineKind kind) {
  return kind == EngineKind::kSimGrid ? LoadSimGrid().description() : "fibers";
}

std::optional<int> MaxActivities(EngineKind kind) {
  if (kind == EngineKind::kFibers) return std::nullopt;
  return LoadSimGrid().max_activities();
}

}  // namespace hat
