// How long something takes.
#pragma once

#include <functional>

namespace hat {

// kThread: the calling thread's processor time, which other programs hardly disturb.
enum class Clock { kWall, kThread };

// Seconds of one call: median and least of `repeats`, after two calls that do not count.
struct Times {
  double median, least;
};
Times TimesOf(int repeats, const std::function<void()>& body, Clock clock = Clock::kWall);

}  // namespace hat
