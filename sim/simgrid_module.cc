#include "sim/simgrid_module.h"

#include "sim/simgrid_world.h"

extern "C" const hat::SimGridModule* HatSimGrid() {
  static constexpr hat::SimGridModule kModule = {
      [](const hat::SharedPlatform* shared) -> std::unique_ptr<hat::Engine> {
        return std::make_unique<hat::SimGridWorld>(shared);
      },
      &hat::SimGridWorld::Description, &hat::SimGridWorld::MaxActivities};
  return &kModule;
}
