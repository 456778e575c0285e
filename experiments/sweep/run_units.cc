#include "experiments/sweep/run_units.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

constexpr int kBadInput = 2;  // exit code
constexpr auto kLookAgain = std::chrono::milliseconds(500);

std::vector<size_t> UnitsAskedFor(const Sweep& sweep, const UnitRunOptions& options) {
  std::vector<size_t> asked;
  if (options.keys.empty()) {
    const auto count = static_cast<size_t>(options.shard.count);
    const auto first = static_cast<size_t>(options.shard.index - 1);
    for (size_t i = first; i < sweep.units.size(); i += count) asked.push_back(i);
    return asked;
  }
  std::set<std::string> known;
  for (const std::string& key : options.keys) {
    if (!known.insert(key).second) continue;
    const auto unit = std::ranges::lower_bound(sweep.units, key, {}, &Unit::key);
    HAT_CHECK(unit != sweep.units.end() && unit->key == key, key);
    asked.push_back(static_cast<size_t>(unit - sweep.units.begin()));
  }
  return asked;
}

}  // namespace

UnitRun::UnitRun(const Sweep& sweep, UnitRunOptions options)
    : sweep_(sweep),
      options_(std::move(options)),
      locks_(UnitStore(sweep.folder).locks_folder()),
      store_(sweep.folder, locks_.owner()),
      asked_(UnitsAskedFor(sweep, options_)),
      end_(asked_.size()) {
  store_.DiscardOf(locks_);
  Choose();
}

// One look at the folder for all units.
void UnitRun::Choose() {
  const std::set<std::string> done = store_.Done();
  const std::map<std::string, UnitFailure> failed = store_.Failed();
  outcome_.all = asked_.size();
  for (size_t place = 0; place < asked_.size(); ++place) {
    const std::string& key = KeyOf(place);
    if (done.contains(key)) {
      ++outcome_.done;
    } else if (failed.contains(key) && !options_.retries_failed) {
      failed_.insert(place);
    } else {
      if (failed.contains(key)) store_.ForgetFailure(key);
      waiting_.push_back({place, {}});
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
  for (const size_t place : failed_) {
    outcome_.failed.push_back(KeyOf(place));
    if (options_.stops_at_failure) break;
  }
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
  for (size_t looks = waiting_.size(); looks > 0 && !waiting_.empty(); --looks) {
    const Waiting next = waiting_.front();
    waiting_.pop_front();
    if (next.not_before > now) {
      waiting_.push_back(next);
      continue;
    }
    const std::string& key = KeyOf(next.place);
    if (EndedElsewhere(next.place)) continue;
    if (!locks_.Take(key)) {
      waiting_.push_back({next.place, now + kLookAgain});
      continue;
    }
    if (!EndedElsewhere(next.place)) {
      Start(next.place);
      return true;
    }
    locks_.Release(key);  // it ended between the two looks
  }
  return false;
}

// Whether another program has run the unit since we chose ours.
bool UnitRun::EndedElsewhere(size_t place) {
  const std::string& key = KeyOf(place);
  if (store_.IsDone(key)) {
    ++outcome_.done;
  } else if (store_.HasFailed(key)) {
    Fail(place);
  } else {
    return false;
  }
  Tell();
  return true;
}

void UnitRun::Start(size_t place) {
  const Cell& cell = sweep_.plan.plan.cells[sweep_.units[asked_[place]].cell];
  const std::string& key = KeyOf(place);
  const std::string results = store_.Begin(key);
  if (options_.prepare) options_.prepare(cell);
  children_.Start(place, [&] { options_.run(cell, key, results); });
  ++attempts_[place];
}

void UnitRun::Take(const EndedChild& ended) {
  const size_t place = ended.index;
  const std::string& key = KeyOf(place);
  if (ended.exit_code == 0) {
    store_.Keep(key);
    ++outcome_.done;
    ++outcome_.run;
  } else if (store_.IsDone(key)) {  // by a program that took it over meanwhile
    store_.Discard(key);
    ++outcome_.done;
  } else if (place >= end_) {
    store_.Discard(key);
  } else {
    const bool tries_again = ended.exit_code != kBadInput && attempts_[place] <= options_.retries;
    if (stop_ == Stop::kNow || tries_again) {
      store_.Discard(key);
      waiting_.push_back({place, {}});
    } else {
      store_.SetFailed(key, {ReasonOf(ended), ended.exit_code, attempts_[place]});
      Fail(place);
    }
  }
  locks_.Release(key);
  Tell();
}

void UnitRun::Fail(size_t place) {
  failed_.insert(place);
  if (!options_.stops_at_failure) return;
  end_ = std::min(end_, place);
  std::erase_if(waiting_, [this](const Waiting& waiting) { return waiting.place >= end_; });
  children_.Terminate(end_);
}

void UnitRun::Tell() const {
  if (options_.on_progress) {
    options_.on_progress(outcome_.done + failed_.size(), outcome_.all);
  }
}

}  // namespace hat
