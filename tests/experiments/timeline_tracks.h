// What a viewer asks of a trace: on every track, which is a process and thread, slices lie apart or
// inside one another, in whole nanoseconds. Perfetto drops a slice that does not.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace hat {

// The first slice of the Chrome trace that neither lies in the one it began in nor after it;
// empty: there is none. Also names a thread 0, which Perfetto lays on its process's main thread.
std::string BrokenTrack(const nlohmann::json& document);

// Of a time in us with three decimals.
int64_t WholeNanoseconds(const nlohmann::json& microseconds);

}  // namespace hat
