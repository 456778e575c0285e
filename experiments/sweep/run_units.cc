#include "experiments/sweep/run_units.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

namespace hat {
namespace {

constexpr int kBadInput = 2;  // exit code
constexpr auto kLookAgain = std::chrono::milliseconds(500);

}  // namespace

UnitRun::UnitRun(const Sweep& sweep, UnitRunOptions options)
    : sweep_(sweep),
      options_(std::move(options)),
      locks_(UnitStore(sweep.folder).locks_folder()),
      store_(sweep.folder, locks_.owner()) {
  store_.DiscardOf(locks_);
  Choose();
}

// One look at the folder for all units.
void UnitRun::Choose() {
  const std::set<std::string> done = store_.Done();
  const std::map<std::string, UnitFailure> failed = store_.Failed();
  const std::set<std::string> only(options_.keys.begin(), options_.keys.end());
  for (size_t i = 0; i < sweep_.units.size(); ++i) {
    const bool is_of_shard = i % static_cast<size_t>(options_.shard.count) ==
                             static_cast<size_t>(options_.shard.index - 1);
    if (only.empty() ? !is_of_shard : !only.contains(KeyOf(i))) continue;
    ++outcome_.all;
    if (done.contains(KeyOf(i))) {
      ++outcome_.done;
    } else if (failed.contains(KeyOf(i)) && !options_.retries_failed) {
      outcome_.failed.push_back(KeyOf(i));
    } else {
      if (failed.contains(KeyOf(i))) store_.ForgetFailure(KeyOf(i));
      waiting_.push_back({i, {}});
    }
  }
}

UnitOutcome UnitRun::Run() {
  Tell();
  while (children_.count() > 0 || (!waiting_.empty() && !IsStopped())) {
    while (children_.count() < static_cast<size_t>(options_.jobs) && !IsStopped() && StartNext()) {
    }
    if (children_.count() > 0) {
      for (const EndedChild& ended : children_.Reap()) Take(ended);
    } else if (!waiting_.empty() && !IsStopped()) {
      std::this_thread::sleep_for(kLookAgain);
    }
    locks_.Refresh();
    IsStopped();
  }
  outcome_.is_stopped = stop_ != Stop::kNo && !waiting_.empty();
  std::ranges::sort(outcome_.failed);
  return outcome_;
}

bool UnitRun::IsStopped() {
  const Stop now = options_.stop ? options_.stop() : Stop::kNo;
  if (now > stop_) {
    stop_ = now;
    if (stop_ == Stop::kNow) children_.Terminate();
  }
  return stop_ != Stop::kNo;
}

// Starts one of those that wait; false if none can start now.
bool UnitRun::StartNext() {
  const Clock::time_point now = Clock::now();
  for (size_t looks = waiting_.size(); looks > 0; --looks) {
    const Waiting next = waiting_.front();
    waiting_.pop_front();
    if (next.not_before > now) {
      waiting_.push_back(next);
      continue;
    }
    const std::string& key = KeyOf(next.unit);
    if (EndedElsewhere(key)) continue;
    if (!locks_.Take(key)) {
      waiting_.push_back({next.unit, now + kLookAgain});
      continue;
    }
    if (!EndedElsewhere(key)) {
      Start(next.unit);
      return true;
    }
    locks_.Release(key);  // it ended between the two looks
  }
  return false;
}

// Whether another program has run the unit since we chose ours.
bool UnitRun::EndedElsewhere(const std::string& key) {
  if (store_.IsDone(key)) {
    ++outcome_.done;
  } else if (store_.HasFailed(key)) {
    outcome_.failed.push_back(key);
  } else {
    return false;
  }
  Tell();
  return true;
}

void UnitRun::Start(size_t unit) {
  const Cell& cell = sweep_.plan.plan.cells[sweep_.units[unit].cell];
  const std::string& key = KeyOf(unit);
  const std::string results = store_.Begin(key);
  children_.Start(unit, [&] { options_.run(cell, key, results); });
  ++attempts_[unit];
}

void UnitRun::Take(const EndedChild& ended) {
  const size_t unit = ended.index;
  const std::string& key = KeyOf(unit);
  if (ended.exit_code == 0) {
    store_.Keep(key);
    ++outcome_.done;
    ++outcome_.run;
  } else if (store_.IsDone(key)) {  // by a program that took it over meanwhile
    store_.Discard(key);
    ++outcome_.done;
  } else {
    const bool tries_again = ended.exit_code != kBadInput && attempts_[unit] <= options_.retries;
    if (stop_ == Stop::kNow || tries_again) {
      store_.Discard(key);
      waiting_.push_back({unit, {}});
    } else {
      store_.SetFailed(key, {ReasonOf(ended), ended.exit_code, attempts_[unit]});
      outcome_.failed.push_back(key);
    }
  }
  locks_.Release(key);
  Tell();
}

void UnitRun::Tell() const {
  if (options_.on_progress) {
    options_.on_progress(outcome_.done + outcome_.failed.size(), outcome_.all);
  }
}

}  // namespace hat
