// What SimGrid itself costs: the events of a decode round and nothing else, as a yardstick for the
// simulator's own speed. Every instant goes through SimGrid's main loop here; the simulator leaves
// that out where no links contend (sim/simgrid_world.h), and may so be faster. A round: sleep
// (input), a frame up, a batch over P = 4 stages, a frame down, sleep (head). Sleeps for compute,
// links in closed form with a kernel timer a frame, semaphores for channels, an actor a device and
// a stage; no protocol, no policies, no recording.
#pragma once

namespace hat {

inline constexpr int kSpikeDevicesPerReplica = 30;

// Plays rounds_per_device rounds on each device. Once a process.
void RunSpike(int devices, int rounds_per_device);

}  // namespace hat
