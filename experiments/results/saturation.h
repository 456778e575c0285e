// Is a run saturated: did its queues grow for as long as requests came, so that its figures say
// more about the run's length than about the system?
//
// The m measured requests, in order of arrival, are cut into quarters; the last is compared with
// the second. Saturated means that
// - more requests are in the system: the mean number that an arrival finds there has grown by more
//   than kGrowth * m / 2 + sqrt(m / 2); and
// - they queue: the mean TTFT, or the mean time in the system, is above kLonger times the second
//   quarter's; or a kind of resource (the GPUs of a class of devices, a direction of the links, a
//   stage) was busy for more than kBusy of the time until the last arrival.
//
// An overloaded system piles up a share 1 - 1/rho of all arrivals, over the m / 2 arrivals between
// the quarters. kGrowth of it is tolerated, and so is the noise of Poisson arrivals: the standard
// deviation of their number is sqrt(m / 2). The second claim tells a queue from a system that is
// only filling up, where the number grows and nothing waits. It needs all three: far above its
// capacity a system that shares its time finishes everything at the very end, so that later
// requests need not stay longer. A request that has not come so far counts with its age, which is
// too little in a run that was cut off. Below kMinRequests measured requests no run is called
// saturated.
//
// Worked number: m = 2000 and rho = 1.2 pile up (1 - 1/1.2) * 1000 = 167 requests, and 167 is more
// than 0.05 * 1000 + sqrt(1000) = 82. An overload of less than about 5% is not told from a busy
// system.
#pragma once

#include <span>

#include "core/units.h"
#include "experiments/watch/recorder.h"

namespace hat {

inline constexpr double kGrowth = 0.05;
inline constexpr double kLonger = 1.5;
inline constexpr double kBusy = 0.95;
inline constexpr int kMinRequests = 40;

// `measured`: rows in order of arrival, all seen. `end`: the run's last event. `busiest`: the
// largest utilisation of a kind of resource until the last arrival.
bool IsSaturated(std::span<const RequestRow> measured, Seconds end, double busiest);

bool IsSaturated(const Recorder& recorder);

}  // namespace hat
