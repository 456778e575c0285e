#include "experiments/watch/recorder.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

// What a frame carries beyond the prompt and the first token.
bool IsOfARound(const FrameHeader& header, int prompt_tokens) {
  const bool has_rounds = header.kind == FrameKind::kVerify || header.kind == FrameKind::kRawToken;
  return has_rounds && header.first_position >= prompt_tokens;
}

}  // namespace

Recorder::Recorder(RecorderOptions options)
    : options_(std::move(options)),
      busy_bins_(options_.classes.size() + 2 + static_cast<size_t>(options_.stages)) {
  class_size_.resize(options_.classes.size());
  busy_.classes.resize(options_.classes.size());
  busy_.links.resize(2);
  busy_.stages.resize(static_cast<size_t>(options_.stages));
  busy_at_last_arrival_ = busy_;
  for (const int device_class : options_.class_of_device) {
    HAT_CHECK(device_class >= 0 && static_cast<size_t>(device_class) < class_size_.size());
    ++class_size_[static_cast<size_t>(device_class)];
  }
}

void Recorder::OnArrival(const Request& request) {
  See(request.arrival);
  first_arrival_ = std::min(first_arrival_, request.arrival);
  if (static_cast<size_t>(request.id) >= rows_.size()) {
    rows_.resize(static_cast<size_t>(request.id) + 1);
  }
  if (request.id >= options_.warmup_requests) {
    window_start_ = std::min(window_start_, request.arrival);
    last_arrival_ = request.arrival;
    busy_at_last_arrival_ = busy_;
  }
  RequestRow& row = Row(request.id);
  HAT_CHECK(row.state == RequestRow::State::kUnseen, "a request arrived twice");
  row.state = RequestRow::State::kInFlight;
  row.request = request;
  row.found = in_system_++;
  row.path_slot = paths_.Take();
  PathOf(row)->Begin(request.arrival);
}

void Recorder::OnDeviceOp(const DeviceOpEvent& event) {
  See(event.span.end);
  const int device_class = options_.class_of_device[static_cast<size_t>(event.device)];
  if (!event.span.is_joined) {
    AddBusy(&BusyTimes::classes, device_class, event.span.start, event.span.end);
  }
  RequestRow& row = Row(event.request);
  if (TtftPath* path = PathOf(row)) {
    path->AddOp(event);
  } else if (Rounds* rounds = RoundsOf(row)) {
    rounds->path.AddOp(event);
  }
}

void Recorder::OnFrame(const FrameEvent& event) {
  See(event.arrived);
  AddBusy(&BusyTimes::links, static_cast<int>(event.direction), event.start, event.left);
  RequestRow& row = Row(event.request);
  const bool is_up = event.direction == Direction::kUp;
  (is_up ? row.bytes_up : row.bytes_down) += event.size;
  if (IsOfARound(event.header, row.request.prompt_tokens)) {
    (is_up ? row.decode_bytes_up : row.decode_bytes_down) += event.size;
  }
  if (TtftPath* path = PathOf(row)) {
    path->AddFrame(event);
  } else if (Rounds* rounds = RoundsOf(row)) {
    rounds->path.AddFrame(event);
  }
}

void Recorder::OnStage(const StageEvent& event) {
  See(event.span.end);
  AddBusy(&BusyTimes::stages, event.stage, event.span.start, event.span.end);
  if (event.span.start >= window_start_) {
    stage_s_.Add((event.span.end - event.span.start).value());
    if (event.stage == 0) batch_tokens_.Add(event.batch->tokens);
  }
  for (const BatchPart& part : event.batch->parts) {
    RequestRow& row = Row(part.request());
    if (part.kind == FrameKind::kVerify) {
      if (Rounds* rounds = RoundsOf(row)) rounds->path.AddStage(event, part);
    } else if (TtftPath* path = PathOf(row)) {
      path->AddStage(event, part);
    }
  }
}

void Recorder::OnRound(const RoundEvent& event) {
  RequestRow& row = Row(event.request);
  ++row.rounds;
  row.drafted += event.drafted;
  row.accepted += event.accepted;
  row.ahead_steps += event.ahead_steps;
  row.wasted_steps += event.wasted_steps;
  ++total_rounds_;
  if (event.drafted == 0) return;
  if (Rounds* rounds = RoundsOf(row)) {
    rounds->drafts.push_back(
        {static_cast<uint16_t>(DraftDepth(event.drafted)), static_cast<uint16_t>(event.accepted)});
  }
}

void Recorder::OnTokens(int request, int count, Seconds at) {
  See(at);
  RequestRow& row = Row(request);
  if (row.tokens == 0) {
    row.first_token = at;
    row.parts = PathOf(row)->Walk(at);
    ClosePath(row);
    if (Rounds* rounds = RoundsOf(row)) rounds->path.Begin(at);
  } else if (Rounds* rounds = RoundsOf(row)) {
    rounds->gaps.push_back(at - row.last_token);
    rounds->path.Reach(at);
  }
  row.tokens += count;
  row.last_token = at;
  if (at >= window_start_) window_tokens_ += count;
  if (options_.keep_gaps) token_events_.push_back({request, count, at});
}

void Recorder::OnEnd(int request, Outcome outcome, Seconds at) {
  See(at);
  RequestRow& row = Row(request);
  row.state =
      outcome == Outcome::kCompleted ? RequestRow::State::kCompleted : RequestRow::State::kFailed;
  row.ended = at;
  --in_system_;
  ClosePath(row);
  CloseRounds(row);
}

RequestRow& Recorder::Row(int request) {
  HAT_CHECK(static_cast<size_t>(request) < rows_.size(), "an event of a request that never came");
  return rows_[static_cast<size_t>(request)];
}

TtftPath* Recorder::PathOf(const RequestRow& row) {
  return row.path_slot < 0 ? nullptr : &paths_[row.path_slot];
}

void Recorder::ClosePath(RequestRow& row) {
  if (row.path_slot < 0) return;
  paths_.Give(row.path_slot);
  row.path_slot = -1;
}

Recorder::Rounds* Recorder::OpenRounds(RequestRow& row) {
  if (row.state != RequestRow::State::kInFlight || !IsAfterWarmup(row)) return nullptr;
  row.rounds_slot = rounds_.Take();
  Rounds& rounds = rounds_[row.rounds_slot];
  rounds.gaps.clear();
  rounds.drafts.clear();
  rounds.path.Clear();
  return &rounds;
}

void Recorder::CloseRounds(RequestRow& row) {
  if (row.rounds_slot < 0) return;
  if (IsMeasured(row)) {
    Rounds& rounds = rounds_[row.rounds_slot];
    round_gaps_.insert(round_gaps_.end(), rounds.gaps.begin(), rounds.gaps.end());
    if (row.tokens > 1) AddTbtParts(rounds.path.Take(), row.tokens - 1);
    for (const Rounds::Draft& draft : rounds.drafts) {
      draft_counts_.Add(draft.depth, draft.accepted);
    }
    const int64_t without = row.rounds - static_cast<int64_t>(rounds.drafts.size());
    if (without > 0) draft_counts_.Add(0, 0, without);
  }
  rounds_.Give(row.rounds_slot);
  row.rounds_slot = -1;
}

void Recorder::AddTbtParts(const RoundParts& parts, int tokens_after_first) {
  for (const RoundPartField& part : RoundPartFields()) {
    tbt_parts_.*part.field += parts.*part.field / tokens_after_first;
  }
}

int Recorder::DraftDepth(int proposals) const {
  const std::vector<int32_t>& depths = options_.draft_depths;
  return depths.empty() ? proposals : depths.at(static_cast<size_t>(proposals));
}

Seconds Recorder::window() const {
  return window_start_.IsFinite() ? last_event_ - window_start_ : Seconds();
}

// What ends after the last arrival was busy before it too. (If another arrival comes, the sums up
// to then take the place of these.)
void Recorder::AddBusy(std::vector<Seconds> BusyTimes::*kind, int index, Seconds start,
                       Seconds end) {
  const auto i = static_cast<size_t>(index);
  (busy_.*kind)[i] += InWindow(start, end);
  (busy_at_last_arrival_.*kind)[i] += InWindow(start, std::min(end, last_arrival_));
  const size_t before = kind == &BusyTimes::classes ? 0
                        : kind == &BusyTimes::links ? busy_.classes.size()
                                                    : busy_.classes.size() + busy_.links.size();
  const Seconds from = std::max(start, first_arrival_);
  if (from < end) busy_bins_.Add(before + i, from - first_arrival_, end - first_arrival_);
}

Seconds Recorder::InWindow(Seconds start, Seconds end) const {
  return std::max(end - std::max(start, window_start_), Seconds());
}

double Recorder::Utilisation(Seconds busy, double resources) const {
  if (window() <= Seconds() || resources <= 0) return 0;
  return busy / (window() * resources);
}

double Recorder::ClassUtilisation(int device_class) const {
  const auto i = static_cast<size_t>(device_class);
  return Utilisation(busy_.classes[i], class_size_[i]);
}

double Recorder::LinkUtilisation(Direction direction) const {
  return Utilisation(busy_.links[static_cast<size_t>(direction)], devices());
}

double Recorder::StageUtilisation(int stage) const {
  return Utilisation(busy_.stages[static_cast<size_t>(stage)], options_.replicas);
}

std::vector<Recorder::TimeBin> Recorder::UtilisationOverTime() const {
  std::vector<double> sizes(class_size_.begin(), class_size_.end());
  sizes.resize(sizes.size() + busy_.links.size(), devices());
  sizes.resize(sizes.size() + busy_.stages.size(), options_.replicas);
  const Seconds end = first_arrival_.IsFinite() ? last_event_ - first_arrival_ : Seconds();
  BusyBins busy = busy_bins_;
  busy.Cover(end);
  std::vector<TimeBin> bins;
  for (Seconds from; from < end; from += busy.width()) {
    TimeBin bin{from, std::min(from + busy.width(), end), {}};
    for (size_t i = 0; i < sizes.size(); ++i) {
      const double time_s = (bin.to - bin.from).value() * sizes[i];
      bin.utilisation.push_back(time_s > 0 ? busy.Busy(i, bins.size()).value() / time_s : 0);
    }
    bins.push_back(std::move(bin));
  }
  return bins;
}

double Recorder::BusiestUntilLastArrival() const {
  if (!window_start_.IsFinite() || last_arrival_ <= window_start_) return 0;
  const Seconds time = last_arrival_ - window_start_;
  double busiest = 0;
  for (size_t i = 0; i < class_size_.size(); ++i) {
    busiest = std::max(busiest, busy_at_last_arrival_.classes[i] / (time * class_size_[i]));
  }
  for (const Seconds busy : busy_at_last_arrival_.links) {
    busiest = std::max(busiest, busy / (time * devices()));
  }
  for (const Seconds busy : busy_at_last_arrival_.stages) {
    busiest = std::max(busiest, busy / (time * options_.replicas));
  }
  return busiest;
}

}  // namespace hat
