// Benchmarks of whole runs: each measurement is a process of its own (fresh_process.h), times are
// those of Simulation::Run with a recorder, on this processor (user + system).
#pragma once

namespace hat {

// decode/30 and decode/10000: U-shape decoding in a closed loop, after each run the bare spike
// (spike.h) of as many devices; paper/SYSTEM: the paper's main scenario; memory/10000: its
// likeness with 10,000 devices and 100,000 requests.
void RegisterSimulationBenchmarks();

}  // namespace hat
