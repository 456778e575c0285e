// What a live cloud and its devices cost beside what they compute: processor time of a round,
// rounds that one cloud sustains, memory of a device that is idle; each beside bare gRPC streams in
// the same run.
#pragma once

namespace hat {

struct LiveBench {
  int devices = 30;  // which are at it all the time
  int idle_devices = 1000;
  double seconds = 3;  // of each turn
  int turns = 3;       // of hat and of bare gRPC, one after the other; medians are told
};

// A table on stdout.
void RunLiveBench(const LiveBench& bench);

}  // namespace hat
