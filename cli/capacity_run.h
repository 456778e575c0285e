// Finding capacities: simulations at one rate after another, for each system and each value of a
// swept key, until the searches (experiments/capacity/search.h) are over. `hat capacity` asks for
// one, and a plan of `hat figures` may.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/progress_line.h"
#include "experiments/capacity/report.h"
#include "experiments/capacity/search.h"
#include "experiments/sweep/sweep.h"

namespace hat {

struct CapacityQuestion {
  std::string scenario;
  std::string objectives;            // "ttft_p90_ms=2000,tbt_p90_ms=100"
  std::vector<std::string> systems;  // none: the scenario's
  int seeds = 5;
  std::vector<std::string> overrides;
  std::string over;          // "KEY=V1,V2"; empty: no swept key
  bool grows_fleet = false;  // fleet.scale goes with the rate
  int jobs = 1;
  bool is_quiet = false;
  std::string goes_on_in;  // where the same command goes on after an interrupt; empty: nowhere
};

class CapacityRun {
 public:
  // Reads the scenario of each search. Throws InputError.
  explicit CapacityRun(CapacityQuestion question);

  // Runs what it takes and is not done yet. `folder`: that of a sweep, made if it is not there.
  // Throws InputError or RunError for a run that fails, RunError "interrupted".
  void Run(const std::string& folder);

  std::vector<CapacityPoint> Points() const;
  const CapacityInfo& info() const { return info_; }

 private:
  struct Over {
    std::string key;                  // empty: none
    std::vector<std::string> values;  // one, empty, without a key
  };
  // One system at one value of the swept key: what is known, and the search for the rest.
  struct Search {
    CapacityPoint point;
    CapacitySearch rates;
    std::vector<std::string> overrides;               // but for the rate
    double fleet_scale = 1;                           // the scenario's
    std::vector<std::vector<std::string>> keys = {};  // of the runs, by trial
  };

  static Over ParseOver(const std::string& text);
  void RefuseKeys() const;
  void AddSearch(const std::string& system, const std::string& value);
  std::vector<std::string> CellKeys(const Search& search, double rate);
  void RunUnits(const std::vector<std::string>& keys);
  void Take(Search& search, const std::vector<std::string>& keys);

  const CapacityQuestion question_;
  const Over over_;
  CapacityInfo info_;
  std::vector<Search> searches_;
  std::optional<GrowingSweep> sweep_;
  std::optional<ProgressLine> line_;
  size_t ended_ = 0;  // runs of the rounds before
};

}  // namespace hat
