// What a sweep's folder holds of each unit (sweep.h): done, failed, or still to do.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "experiments/sweep/sweep.h"
#include "experiments/sweep/unit_locks.h"

namespace hat {

struct UnitFailure {
  std::string reason;
  int exit_code = 0;  // 2: bad input; 128 + signal if a signal ended it
  int attempts = 0;
};

class UnitStore {
 public:
  // `worker`: what tells who runs units here from all others (UnitLocks::owner); empty: nobody.
  explicit UnitStore(std::string folder, std::string worker = "")
      : folder_(std::move(folder)), worker_(std::move(worker)) {}

  std::string FolderOf(const std::string& key) const;  // of its results, where it is done
  bool IsDone(const std::string& key) const;
  bool HasFailed(const std::string& key) const;
  // Each by one look at a folder.
  std::set<std::string> Done() const;
  std::map<std::string, UnitFailure> Failed() const;

  // Where a unit that is run puts its results, in a folder that is made anew; then Keep() renames
  // them to their place, or Discard() removes them. All throw RunError.
  std::string Begin(const std::string& key) const;
  void Keep(const std::string& key) const;  // the results of another program that was faster stay
  void Discard(const std::string& key) const;
  void SetFailed(const std::string& key, const UnitFailure& failure) const;
  void ForgetFailure(const std::string& key) const;
  // What workers that are gone left.
  void DiscardOf(const UnitLocks& locks) const;

  std::string locks_folder() const { return folder_ + "/locks"; }

  // Removes what belongs to none of the units: results under other keys, failures, and what lies
  // in work. Returns how many results went. Throws RunError if a unit is being run.
  int Clean(const std::vector<Unit>& units) const;

 private:
  std::string WorkOf(const std::string& key) const;

  const std::string folder_;
  const std::string worker_;
};

}  // namespace hat
