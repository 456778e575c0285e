// What plays a run: a World whose time is virtual, and what a simulation needs beyond it. Two of
// them: our own fibers, where links are closed forms, and SimGrid, where links contend. A run
// without shared links gives the same bytes on both.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sim/flows.h"
#include "world/world.h"

namespace hat {

enum class EngineKind { kFibers, kSimGrid };
std::string_view Name(EngineKind kind);  // "fibers", "simgrid"

// Throws InputError on a name that is none.
EngineKind EngineNamed(const std::string& name);

class Engine {
 public:
  virtual ~Engine() = default;

  virtual World& world() = 0;
  virtual Flows* flows() = 0;  // null: it plays no links

  // As World::CallAt, but before all of its callbacks at that instant, also earlier ones.
  virtual void CallFirstAt(Seconds t, std::function<void()> callback) = 0;

  // Runs `main` as an activity; returns when it has ended, other activities are then dropped.
  // Rethrows what an activity or a callback threw. Once.
  virtual void Run(std::function<void()> main) = 0;

  // When the next callback is due; nothing where none waits.
  virtual std::optional<Seconds> next_callback() const = 0;
};

// `shared`: the platform of links that contend, for SimGrid alone; null where none do. SimGrid:
// once a process, since its clock carries over.
std::unique_ptr<Engine> MakeEngine(EngineKind kind, const SharedPlatform* shared);

// For the manifest: "fibers", or "SimGrid 3.32, network/model:CM02, ...".
std::string Description(EngineKind kind);

// How many activities this machine can hold at once, whatever memory they take; nothing: any
// number.
std::optional<int> MaxActivities(EngineKind kind);

}  // namespace hat
