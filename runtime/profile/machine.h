// What this machine says of itself: for a profile's birth certificate, and for the ring of weights.
// Everything is read from files of the kernel and from nvidia-smi and nvpmodel, where they are.
#pragma once

#include <string>

#include "core/units.h"

namespace hat {

struct Machine {
  std::string hardware;    // the processor's or the GPU's name; a Jetson's module
  std::string power_mode;  // of nvpmodel; empty elsewhere
  std::string driver;      // of the GPU; the kernel's release on a CPU
  Bytes memory;            // of the device: all of it
  // The largest cache in front of it. A GPU's is not told by anything that is always there: 64 MiB,
  // more than any but the newest have.
  Bytes last_level_cache;
};

// `device`: "cpu", "cuda" or "cuda:N".
Machine ReadMachine(const std::string& device);

// The clock of the processor (median of its cores) or the GPU now, as text ("2450 MHz"); "unknown"
// where nothing tells.
std::string ClockNow(const std::string& device);

std::string TodayUtc();  // 2026-01-31

}  // namespace hat
