#include "experiments/watch/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/terminal_text.h"

namespace hat {
namespace {

std::string Positions(int first, int count) {
  if (count == 1) return fmt::format("position {}", first);
  return fmt::format("positions {} to {}", first, first + count - 1);
}

std::string OpText(const DeviceOpEvent& event) {
  if (event.op == DeviceOp::kInput) {
    return fmt::format("input, {}", Positions(event.context, event.tokens));
  }
  return fmt::format("{}, {}", Name(event.op), Counted(event.tokens, "token"));
}

std::string FrameText(const FrameEvent& event) {
  return fmt::format("{}, {:.0f} bytes", Positions(event.header.first_position, event.header.count),
                     event.size.value());
}

const BatchPart* PartOf(const Batch& batch, int request) {
  for (const BatchPart& part : batch.parts) {
    if (part.request() == request) return &part;
  }
  return nullptr;
}

std::string Ms(Seconds time, int decimals = 3) {
  return fmt::format("{:.{}f}", ToMilliseconds(time), decimals);
}

struct Column {
  std::string_view where, what;  // its head
  std::vector<Seconds RoundParts::*> parts;
};

const std::array<Column, 9>& RoundColumns() {
  static const std::array<Column, 9> kColumns = {{
      {"device", "wait", {&RoundParts::queue}},
      {"device", "steps", {&RoundParts::draft, &RoundParts::device_compute}},
      {"device", "ahead", {&RoundParts::ahead_wait}},
      {"device", "head", {&RoundParts::head}},
      {"uplink", "wait", {&RoundParts::uplink_wait}},
      {"uplink", "sent", {&RoundParts::upload}},
      {"cloud", "wait", {&RoundParts::cloud_wait}},
      {"cloud", "work", {&RoundParts::cloud_compute}},
      {"down-", "link", {&RoundParts::download}},
  }};
  return kColumns;
}

}  // namespace

void Explain::Add(Seconds from, Seconds to, std::string who, std::string why) {
  if (to > from) lines_.push_back({from, to, std::move(who), std::move(why)});
}

void Explain::OnArrival(const Request& request) {
  last_seen_ = std::max(last_seen_, request.id);
  if (request.id != request_) return;
  life_ = request;
  path_.Begin(request.arrival);
}

void Explain::OnStart(const Request& request, Seconds at) {
  if (request.id == request_)
    Add(request.arrival, at, "queue", "waits for a session of its device");
}

void Explain::OnDeviceOp(const DeviceOpEvent& event) {
  if (event.request != request_) return;
  const Span& span = event.span;
  if (IsBeforeFirstToken()) {
    path_.AddOp(event);
    Add(span.requested, span.start, "queue", fmt::format("waits for the GPU: {}", Name(event.op)));
    Add(span.start, span.end, "device", OpText(event));
  } else {
    round_path_.AddOp(event);
  }
}

void Explain::OnFrame(const FrameEvent& event) {
  if (event.request != request_) return;
  if (!IsBeforeFirstToken()) return round_path_.AddFrame(event);
  path_.AddFrame(event);
  const bool is_up = event.direction == Direction::kUp;
  if (is_up && !first_frame_) first_frame_ = event.arrived;
  const char* link = is_up ? "uplink" : "downlink";
  Add(event.sent, event.start, link, "waits behind other frames");
  Add(event.start, event.left, link, FrameText(event));
  Add(event.left, event.arrived, link, "under way");
}

void Explain::OnAdmitted(int request, int replica, Seconds at) {
  if (request != request_ || !first_frame_) return;
  Add(*first_frame_, at, "cloud",
      fmt::format("waits for room in a KV cache (replica {})", replica));
}

void Explain::OnStage(const StageEvent& event) {
  const BatchPart* part = PartOf(*event.batch, request_);
  if (part == nullptr) return;
  if (IsBeforeFirstToken() && part->kind != FrameKind::kVerify) {
    path_.AddStage(event, *part);
    AddStageLines(event, *part);
  } else {
    round_path_.AddStage(event, *part);
  }
}

void Explain::AddStageLines(const StageEvent& event, const BatchPart& part) {
  const Batch& batch = *event.batch;
  const std::string stage = fmt::format("stage {}", event.stage);
  const std::string positions = Positions(part.first_position, part.tokens);
  std::string what = fmt::format("{} in batch {}", positions, batch.ordinal);
  if (event.stage == 0) {  // what is in a batch is the same in all stages
    Add(part.arrived, batch.formed, "cloud",
        fmt::format("{} wait{} for batch {}", positions, part.tokens == 1 ? "s" : "",
                    batch.ordinal));
    what += fmt::format(": {} of {}", Counted(batch.tokens, "token"),
                        Counted(std::ssize(batch.parts), "request"));
  }
  Add(event.span.requested, event.span.start, stage,
      fmt::format("batch {} waits in the buffer", batch.ordinal));
  Add(event.span.start, event.span.end, stage, what);
  Add(event.span.end, event.linked, stage,
      fmt::format("batch {} on the stage link", batch.ordinal));
}

void Explain::OnRound(const RoundEvent& event) {
  if (event.request != request_) return;
  counts_.push_back(event);
}

void Explain::OnTokens(int request, int count, Seconds at) {
  if (request != request_) return;
  if (!first_token_) {
    first_token_ = at;
    parts_ = path_.Walk(at);
    round_path_.Begin(at);
  } else {
    current_.to = at;
    current_.tokens = count;
    round_path_.Reach(at);
    current_.parts = round_path_.Take();
    if (!counts_.empty()) {
      current_.counts = counts_.front();
      counts_.pop_front();
    }
    rounds_.push_back(current_);
  }
  current_ = Round();
  current_.from = at;
}

void Explain::OnEnd(int request, Outcome outcome, Seconds at) {
  if (request != request_) return;
  ended_ = at;
  outcome_ = outcome;
}

std::string Explain::Text() const {
  if (!has_arrived()) {
    throw InputError(last_seen_ < 0 ? fmt::format("--explain {}: no request arrived", request_)
                                    : fmt::format("--explain {}: the run had requests 0 to {}",
                                                  request_, last_seen_));
  }
  return Head() + Lines() + Rounds() + Tail();
}

std::string Explain::Head() const {
  return Paragraph("", fmt::format("Request {} on device {}: {} prompt tokens (prompt row {}), {} "
                                   "output tokens.",
                                   life_->id, life_->device, life_->prompt_tokens,
                                   life_->prompt_row, life_->output_tokens)) +
         fmt::format("It arrives at {:.6f} s; all times below are in ms since then.\n",
                     life_->arrival.value());
}

std::string Explain::Lines() const {
  std::vector<Line> lines = lines_;
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.from < b.from; });
  static constexpr char kFormat[] = "{:>9} {:>9} {:>9}  {:<9}";
  std::string text = "\n" + fmt::format(kFormat, "from", "to", "took", "who") + "why\n";
  for (const Line& line : lines) {
    text += Paragraph(fmt::format(kFormat, Ms(line.from - life_->arrival),
                                  Ms(line.to - life_->arrival), Ms(line.to - line.from), line.who),
                      line.why);
  }
  if (!first_token_) return text + "The first token has not come.\n";
  text += fmt::format("\nTTFT {} ms\n", Ms(*first_token_ - life_->arrival));
  for (const TtftPartField& part : TtftPartFields()) {
    text += fmt::format("{:>9}  {}\n", Ms(parts_.*part.field), part.name);
  }
  return text;
}

std::string Explain::Rounds() const {
  if (rounds_.empty()) return "";
  // As many decimals as the terminal has room for.
  const auto fitting = [this](std::string (Explain::*table)(int) const) {
    std::string text;
    for (int decimals = 3; decimals >= 0; --decimals) {
      text = (this->*table)(decimals);
      if (ColumnsOfTable(text) <= kTerminalColumns) break;
    }
    return text;
  };
  return "\n" + fitting(&Explain::RoundCounts) + "\n" +
         Paragraph("",
                   "Where each round's time went; the columns add up to what it took. \"ahead\": "
                   "the answer waits for the session's own draft-ahead step.") +
         fitting(&Explain::RoundTimes);
}

std::string Explain::RoundCounts(int decimals) const {
  std::vector<Cells> rows = {
      {"round", "from", "to", "tokens", "drafted", "accepted", "ahead steps", "wasted"}};
  for (const Round& round : rounds_) {
    const RoundEvent& counts = round.counts;
    rows.push_back({fmt::format("{:>5}", rows.size()), Ms(round.from - life_->arrival, decimals),
                    Ms(round.to - life_->arrival, decimals), std::to_string(round.tokens),
                    std::to_string(counts.drafted), std::to_string(counts.accepted),
                    std::to_string(counts.ahead_steps), std::to_string(counts.wasted_steps)});
  }
  return AlignedTable(rows);
}

std::string Explain::RoundTimes(int decimals) const {
  std::vector<Cells> rows = {{"", ""}, {"round", "took"}};
  for (const Column& column : RoundColumns()) {
    rows[0].emplace_back(column.where);
    rows[1].emplace_back(column.what);
  }
  for (const Round& round : rounds_) {
    Cells& row = rows.emplace_back(
        Cells{fmt::format("{:>5}", rows.size() - 1), Ms(round.to - round.from, decimals)});
    for (const Column& column : RoundColumns()) {
      Seconds sum;
      for (const auto part : column.parts) sum += round.parts.*part;
      row.push_back(Ms(sum, decimals));
    }
  }
  return AlignedTable(rows, 1);
}

std::string Explain::Tail() const {
  if (!ended_) return "\nIt is still in flight.\n";
  const char* how = outcome_ == Outcome::kCompleted ? "completed" : "failed";
  return fmt::format("\n{} ms: {}.\n", Ms(*ended_ - life_->arrival), how);
}

}  // namespace hat
