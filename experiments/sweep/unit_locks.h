// Who is at work on which unit, so that several programs, on one machine or on many that share the
// folder, run each unit once. A lock is a file that names its owner; it is made by link(), which
// NFS too does in one step, and stays fresh because its owner touches it now and then.
//
// An owner that is gone leaves a stale lock, which anybody may take over: at once where this
// machine can see that the process is gone, else when the file was not touched for kLockPatience
// by our own clock (the machines' clocks need not agree). A program that stood still for so long
// may then run a unit a second time: each works in a folder of its own (unit_store.h), the results
// are the same bytes, and the first in place stay.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

namespace hat {

inline constexpr std::chrono::seconds kLockPatience{60};

class UnitLocks {
 public:
  // `folder`: of the lock files; exists.
  explicit UnitLocks(std::string folder, std::chrono::milliseconds patience = kLockPatience);
  ~UnitLocks();  // releases what is still held
  UnitLocks(const UnitLocks&) = delete;
  UnitLocks& operator=(const UnitLocks&) = delete;

  // False if somebody else has it. Throws RunError if the folder cannot be written to.
  bool Take(const std::string& key);
  void Release(const std::string& key);
  // What tells this owner from all others, for the names of its files.
  const std::string& owner() const { return owner_; }
  // Whether an owner's file is still there; false: nobody works under that name any more.
  bool IsOwner(const std::string& owner) const;

  // To be called often: touches what is held when it is time.
  void Refresh();

 private:
  using Clock = std::chrono::steady_clock;
  // Somebody else's lock, since when it has been as it is.
  struct Seen {
    std::string state;
    Clock::time_point since;
  };

  std::string PathOf(const std::string& key) const { return folder_ + "/" + key; }
  void RemoveWhatIsGone();
  bool Link(const std::string& key) const;
  bool IsOurs(const std::string& key) const;
  bool IsStale(const std::string& key);
  void RemoveStale(const std::string& key);

  const std::string folder_;
  const Clock::duration patience_;
  std::string owner_;
  std::string owner_file_;  // ours; a lock that we hold is a link to it, so one touch is for all
  std::set<std::string> held_;
  std::map<std::string, Seen> seen_;
  Clock::time_point refreshed_ = Clock::now();
};

}  // namespace hat
