// What became of the rows of a file that was imported: for the user, and for what stands beside the
// result.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace hat {

inline constexpr int64_t kNsPerSecond = 1'000'000'000;

struct ImportTally {
  int64_t rows = 0;                         // read
  std::map<std::string, int64_t> left_out;  // why, and how many
  std::vector<std::string> notes;           // what is estimated, and what the result does not hold

  void LeaveOut(const std::string& why) { ++left_out[why]; }
  int64_t kept() const;
  // "8 rows read, 5 kept; left out: 3 failed (0 response tokens)", then a line a note.
  std::string Text() const;
};

// Nanoseconds as seconds, all digits that it needs: "12.5".
std::string SecondsText(int64_t ns);

}  // namespace hat
