// How a model and a system make the parts of a split one.
#pragma once

#include <cstdint>
#include <string>

#include "protocol/system.h"
#include "runtime/session/live_session.h"
#include "runtime/session/whole_model.h"

namespace hat {

// Slots that a session's caches need beside its positions.
int ExtraSlots(const SystemSpec& system);

// Throws InputError: a system that is not split, or with parts that contradict each other; a split
// or a number of stages that the model has not enough layers for.
void CheckSplitSystem(const SystemSpec& system, const SplitPlan& plan, int stages,
                      const ModelConfig& config);

// The device's part, with what the system drafts with: `adapter` or `medusa`, a file or
// "random:SEED". `state_bytes`: as DeviceModel's. Throws InputError for a file that does not fit
// the model.
DeviceModel MakeDeviceModel(const Model& model, const SystemSpec& system, const SplitPlan& plan,
                            const std::string& adapter, const std::string& medusa,
                            int64_t state_bytes = 0);

}  // namespace hat
