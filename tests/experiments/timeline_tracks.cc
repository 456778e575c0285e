#include "tests/experiments/timeline_tracks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace hat {
namespace {

struct Slice {
  int64_t start, end;
  std::string text;
  // As a viewer sorts them: the outer one first.
  bool operator<(const Slice& other) const {
    return start != other.start ? start < other.start : end > other.end;
  }
};

}  // namespace

int64_t WholeNanoseconds(const nlohmann::json& microseconds) {
  return std::llround(microseconds.get<double>() * 1000);
}

std::string BrokenTrack(const nlohmann::json& document) {
  std::map<std::pair<int, int>, std::vector<Slice>> tracks;
  for (const auto& event : document.at("traceEvents")) {
    if (event.at("ph") != "X") continue;
    const int thread = event.at("tid");
    if (thread == 0) return "thread 0: " + event.dump();
    const int64_t start = WholeNanoseconds(event.at("ts"));
    tracks[{event.at("pid"), thread}].push_back(
        {start, start + WholeNanoseconds(event.at("dur")), event.dump()});
  }
  for (auto& [track, slices] : tracks) {
    std::stable_sort(slices.begin(), slices.end());
    std::vector<const Slice*> open;
    for (const Slice& slice : slices) {
      while (!open.empty() && open.back()->end <= slice.start) open.pop_back();
      if (!open.empty() && slice.end > open.back()->end) {
        return slice.text + "\nends after\n" + open.back()->text;
      }
      open.push_back(&slice);
    }
  }
  return "";
}

}  // namespace hat
