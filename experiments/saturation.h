// Is a run saturated: did its queues grow as long as requests came, so that its figures say more
// about the run's length than about the system?
//
// The measured requests, in order of arrival, are cut into quarters; the second is compared with
// the last. Saturated means both
//   more requests in the system: mean found by arrivals in the last quarter - in the second
//                                > kGrowth * m / 2 + sqrt(m / 2),  m measured requests;
//   longer stays: mean time in the system in the last quarter > kLongerStay * in the second.
// In an overloaded system a share 1 - 1/rho of all arrivals piles up, over m / 2 arrivals from
// quarter to quarter: kGrowth of it is tolerated, and so is the noise of Poisson arrivals, whose
// standard deviation over m / 2 arrivals is sqrt(m / 2). The second claim tells a queue from a
// system that is only filling up, where the number grows and stays do not. Requests that have not
// ended count with their age. Under kMinRequests measured requests nothing is ever called
// saturated.
//
// Worked number: m = 2000, rho = 1.2, so 1 - 1/1.2 = 1/6 of 1000 arrivals = 167 more, against 0.05
// * 1000 + sqrt(1000) = 82: saturated. An overload of less than about 5% is not told from a busy
// system.
#pragma once

#include <span>

#include "core/units.h"
#include "experiments/recorder.h"

namespace hat {

inline constexpr double kGrowth = 0.05;
inline constexpr double kLongerStay = 1.5;
inline constexpr int kMinRequests = 40;

// `measured`: rows in order of arrival, all seen. `end`: the run's last event.
bool IsSaturated(std::span<const RequestRow> measured, Seconds end);

}  // namespace hat
