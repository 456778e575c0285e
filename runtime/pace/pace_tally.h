// How well real work keeps the pace of hardware that it imitates: an operation whose work takes
// longer than the hardware would is an overrun. From any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "core/units.h"

namespace hat {

class PaceTally {
 public:
  struct Kind {
    int64_t operations = 0;
    int64_t overruns = 0;  // of them
    Seconds largest;       // overrun: what the work took more than its pace; 0: none
    Seconds all;           // overruns together

    // By how much slower everything would have to go for all but `share` of the operations to have
    // kept their pace, in steps of 1/16 octave: 1 if they have.
    double SlowdownFor(double share) const;

    std::map<int, int64_t> slowdowns = {};  // operations by 16 log2(taken / pace), up
  };

  // An operation of this kind, "input" or "stage 0", whose work took so long.
  void Add(const std::string& kind, Seconds pace, Seconds taken);

  std::map<std::string, Kind> kinds() const;
  Kind total() const;

 private:
  mutable std::mutex mutex_;  // of the map
  std::map<std::string, Kind> kinds_;
};

}  // namespace hat
