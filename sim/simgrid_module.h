// What the module hat_simgrid.so offers: the engine on SimGrid, apart from the programs, since
// libsimgrid brings a dozen libraries that take longer to load than a short run takes.
#pragma once

#include <memory>
#include <string>

#include "sim/engine.h"

namespace hat {

struct SimGridModule {
  std::unique_ptr<Engine> (*make)(const SharedPlatform* shared);
  std::string (*description)();
  int (*max_activities)();
};

// The module's one symbol, of type `const SimGridModule*()`.
inline constexpr char kSimGridSymbol[] = "HatSimGrid";

}  // namespace hat
