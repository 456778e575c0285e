#include "experiments/watch/event_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "core/error.h"
#include "core/hex.h"
#include "core/strict_json.h"

namespace hat {
namespace {

constexpr size_t kFlushBytes = 1 << 16;
constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
const std::array<std::string_view, 6> kOps = {Name(DeviceOp::kInput), Name(DeviceOp::kAdapter),
                                              Name(DeviceOp::kHead),  Name(DeviceOp::kMedusa),
                                              Name(DeviceOp::kDraft), Name(DeviceOp::kDraftAhead)};
constexpr std::array<std::string_view, 3> kOutcomes = {"completed", "failed", "cancelled"};

// The 64 bytes as on the wire.
std::string Hex(const FrameHeader& header) {
  const auto bytes = EncodeHeader(header);
  return HexOf({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

// -- writing

EventWriter::EventWriter(const std::string& path) : file_(path) {}

void EventWriter::Begin(Seconds at, std::string_view what) {
  fmt::format_to(fmt::appender(line_), "{{\"t\":{},\"event\":\"{}\"", at.value(), what);
}

void EventWriter::Add(std::string_view key, Seconds time) {
  fmt::format_to(fmt::appender(line_), ",\"{}\":{}", key, time.value());
}

void EventWriter::Add(std::string_view key, int64_t number) {
  fmt::format_to(fmt::appender(line_), ",\"{}\":{}", key, number);
}

void EventWriter::AddText(std::string_view key, std::string_view text) {
  fmt::format_to(fmt::appender(line_), ",\"{}\":{}", key, nlohmann::json(text).dump());
}

void EventWriter::End() {
  fmt::format_to(fmt::appender(line_), "}}\n");
  if (line_.size() < kFlushBytes) return;
  file_.Write({line_.data(), line_.size()});
  line_.clear();
}

void EventWriter::Finish() {
  file_.Write({line_.data(), line_.size()});
  line_.clear();
  file_.Commit();
}

void EventWriter::AddRequest(const Request& request) {
  Add("request", request.id);
  Add("device", request.device);
  Add("prompt_row", request.prompt_row);
  Add("arrival_s", request.arrival);
  Add("prompt_tokens", request.prompt_tokens);
  Add("output_tokens", request.output_tokens);
}

void EventWriter::AddSpan(const Span& span) {
  Add("requested_s", span.requested);
  Add("start_s", span.start);
  Add("end_s", span.end);
  if (span.is_joined) Add("joined", 1);
}

void EventWriter::AddBatch(const Batch& batch) {
  Add("replica", batch.replica);
  Add("ordinal", batch.ordinal);
  Add("tokens", batch.tokens);
  Add("formed_s", batch.formed);
  fmt::format_to(fmt::appender(line_), ",\"parts\":[");
  for (const BatchPart& part : batch.parts) {
    fmt::format_to(fmt::appender(line_), "{}[{},{},{},{},{},{},{}]",
                   &part == batch.parts.data() ? "" : ",", part.session.device, part.session.number,
                   static_cast<int>(part.kind), part.first_position, part.tokens,
                   int{part.completes_prompt}, part.arrived.value());
  }
  fmt::format_to(fmt::appender(line_), "]");
}

void EventWriter::OnArrival(const Request& request) {
  Begin(request.arrival, "arrival");
  AddRequest(request);
  End();
}

void EventWriter::OnStart(const Request& request, Seconds at) {
  Begin(at, "start");
  AddRequest(request);
  End();
}

void EventWriter::OnDeviceOp(const DeviceOpEvent& event) {
  Begin(event.span.end, "operation");
  Add("request", event.request);
  Add("device", event.device);
  AddText("operation", Name(event.op));
  Add("tokens", event.tokens);
  Add("context", event.context);
  AddSpan(event.span);
  End();
}

void EventWriter::OnFrame(const FrameEvent& event) {
  Begin(event.arrived, "frame");
  Add("request", event.request);
  Add("device", event.device);
  AddText("direction", event.direction == Direction::kUp ? "up" : "down");
  AddText("header", Hex(event.header));
  Add("bytes", static_cast<int64_t>(event.size.value()));
  Add("sent_s", event.sent);
  Add("start_s", event.start);
  Add("left_s", event.left);
  Add("arrived_s", event.arrived);
  End();
}

void EventWriter::OnAdmitted(int request, int replica, Seconds at) {
  Begin(at, "admitted");
  Add("request", request);
  Add("replica", replica);
  End();
}

void EventWriter::OnStage(const StageEvent& event) {
  Begin(event.span.end, "stage");
  Add("stage", event.stage);
  AddBatch(*event.batch);
  AddSpan(event.span);
  Add("linked_s", event.linked);
  End();
}

void EventWriter::OnStageFailed(const Batch& batch, int stage, const Span& span) {
  Begin(span.end, "stage_failed");
  Add("stage", stage);
  AddBatch(batch);
  AddSpan(span);
  End();
}

void EventWriter::OnRound(const RoundEvent& event) {
  Begin(event.at, "round");
  Add("request", event.request);
  Add("drafted", event.drafted);
  Add("accepted", event.accepted);
  Add("ahead_steps", event.ahead_steps);
  Add("wasted_steps", event.wasted_steps);
  End();
}

void EventWriter::OnTokens(int request, int count, Seconds at) {
  Begin(at, "tokens");
  Add("request", request);
  Add("count", count);
  End();
}

void EventWriter::OnFailure(int request, std::string_view reason, Seconds at) {
  Begin(at, "failure");
  Add("request", request);
  AddText("reason", reason);
  End();
}

void EventWriter::OnEnd(int request, Outcome outcome, Seconds at) {
  Begin(at, "end");
  Add("request", request);
  AddText("outcome", kOutcomes[static_cast<size_t>(outcome)]);
  End();
}

void EventWriter::OnRefused(int device, const FrameHeader& header, std::string_view why,
                            Seconds at) {
  Begin(at, "refused");
  Add("device", device);
  AddText("session", std::to_string(header.session));
  Add("kind", static_cast<int>(header.kind));
  Add("first_position", header.first_position);
  Add("count", header.count);
  AddText("why", why);
  End();
}

// -- reading

namespace {

// One line of a file.
class Record {
 public:
  Record(nlohmann::json json, std::string place)
      : json_(std::move(json)), root_(json_, std::move(place)) {}
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  Seconds time() const { return Time("t"); }
  std::string event() const { return root_.At("event").String(); }
  const JsonNode& root() const { return root_; }

  int Int(const std::string& key) const {
    return static_cast<int>(root_.At(key).ExactInteger(0, kMost));
  }
  Seconds Time(const std::string& key) const { return Seconds(root_.At(key).Number(0, 1e18)); }
  std::string Text(const std::string& key) const { return root_.At(key).String(); }
  template <size_t N>
  size_t Choice(const std::string& key, const std::array<std::string_view, N>& names) const {
    const std::string name = root_.At(key).Choice({names.begin(), names.end()});
    return static_cast<size_t>(std::ranges::find(names, name) - names.begin());
  }
  Span TheSpan() const {
    const bool is_joined = root_.Has("joined") && Int("joined") == 1;
    return {Time("requested_s"), Time("start_s"), Time("end_s"), is_joined};
  }

 private:
  nlohmann::json json_;
  JsonNode root_;
};

Request RequestOf(const Record& record) {
  Request request;
  request.id = record.Int("request");
  request.device = record.Int("device");
  request.prompt_row = record.Int("prompt_row");
  request.arrival = record.Time("arrival_s");
  request.prompt_tokens = record.Int("prompt_tokens");
  request.output_tokens = record.Int("output_tokens");
  return request;
}

FrameHeader HeaderOf(const Record& record) {
  const JsonNode node = record.root().At("header");
  const std::optional<std::string> bytes = BytesOfHex(node.String());
  if (!bytes || bytes->size() != kFrameHeaderBytes) node.Fail("must be 128 hexadecimal digits");
  try {
    return DecodeHeader(
        std::as_bytes(std::span<const char, kFrameHeaderBytes>(bytes->data(), kFrameHeaderBytes)));
  } catch (const InputError& error) {
    node.Fail(error.what());
  }
}

// Of a frame that was refused: it may say anything, and only this much of it is kept.
FrameHeader RefusedHeader(const Record& record) {
  const auto field = [&](const char* key, int64_t low, int64_t high) {
    return record.root().At(key).ExactInteger(low, high);
  };
  FrameHeader header;
  const std::string session = record.Text("session");
  const auto [end, error] =
      std::from_chars(session.data(), session.data() + session.size(), header.session);
  if (error != std::errc() || end != session.data() + session.size()) {
    record.root().At("session").Fail("must be a number below 2^64");
  }
  header.kind = static_cast<FrameKind>(field("kind", 0, 255));
  header.first_position = static_cast<int32_t>(field("first_position", INT32_MIN, INT32_MAX));
  header.count = static_cast<int32_t>(field("count", INT32_MIN, INT32_MAX));
  return header;
}

BatchPart PartOf(const JsonNode& node) {
  const std::vector<JsonNode> items = node.Items();
  if (items.size() != 7) node.Fail("must have 7 numbers");
  const auto number = [&](size_t i) { return static_cast<int>(items[i].ExactInteger(0, kMost)); };
  BatchPart part;
  part.session = {number(0), static_cast<SessionId>(number(1))};
  part.kind = static_cast<FrameKind>(items[2].ExactInteger(1, 7));
  part.first_position = number(3);
  part.tokens = number(4);
  part.completes_prompt = items[5].ExactInteger(0, 1) == 1;
  part.arrived = Seconds(items[6].Number(0, 1e18));
  return part;
}

Batch BatchOf(const Record& record) {
  Batch batch;
  batch.replica = record.Int("replica");
  batch.ordinal = record.Int("ordinal");
  batch.tokens = record.Int("tokens");
  batch.formed = record.Time("formed_s");
  for (const JsonNode& part : record.root().At("parts").Items()) {
    batch.parts.push_back(PartOf(part));
  }
  return batch;
}

FrameEvent FrameOf(const Record& record) {
  FrameEvent event;
  event.request = record.Int("request");
  event.device = record.Int("device");
  event.direction = record.root().At("direction").Choice({"up", "down"}) == "up" ? Direction::kUp
                                                                                 : Direction::kDown;
  event.header = HeaderOf(record);
  event.size =
      Bytes(static_cast<double>(record.root().At("bytes").ExactInteger(0, int64_t{1} << 53)));
  event.sent = record.Time("sent_s");
  event.start = record.Time("start_s");
  event.left = record.Time("left_s");
  event.arrived = record.Time("arrived_s");
  return event;
}

using Tell = void (*)(const Record&, Observer&);

const std::unordered_map<std::string, Tell>& Tellers() {
  static const std::unordered_map<std::string, Tell> kTellers = {
      {"arrival", [](const Record& r, Observer& o) { o.OnArrival(RequestOf(r)); }},
      {"start", [](const Record& r, Observer& o) { o.OnStart(RequestOf(r), r.time()); }},
      {"operation",
       [](const Record& r, Observer& o) {
         o.OnDeviceOp({r.Int("request"), r.Int("device"),
                       static_cast<DeviceOp>(r.Choice("operation", kOps)), r.Int("tokens"),
                       r.Int("context"), r.TheSpan()});
       }},
      {"frame", [](const Record& r, Observer& o) { o.OnFrame(FrameOf(r)); }},
      {"admitted", [](const Record& r,
                      Observer& o) { o.OnAdmitted(r.Int("request"), r.Int("replica"), r.time()); }},
      {"stage",
       [](const Record& r, Observer& o) {
         const Batch batch = BatchOf(r);
         o.OnStage({&batch, r.Int("stage"), r.TheSpan(), r.Time("linked_s")});
       }},
      {"stage_failed",
       [](const Record& r, Observer& o) {
         o.OnStageFailed(BatchOf(r), r.Int("stage"), r.TheSpan());
       }},
      {"round",
       [](const Record& r, Observer& o) {
         o.OnRound({r.Int("request"), r.Int("drafted"), r.Int("accepted"), r.Int("ahead_steps"),
                    r.Int("wasted_steps"), r.time()});
       }},
      {"tokens", [](const Record& r,
                    Observer& o) { o.OnTokens(r.Int("request"), r.Int("count"), r.time()); }},
      {"failure", [](const Record& r,
                     Observer& o) { o.OnFailure(r.Int("request"), r.Text("reason"), r.time()); }},
      {"end",
       [](const Record& r, Observer& o) {
         o.OnEnd(r.Int("request"), static_cast<Outcome>(r.Choice("outcome", kOutcomes)), r.time());
       }},
      {"refused",
       [](const Record& r, Observer& o) {
         o.OnRefused(r.Int("device"), RefusedHeader(r), r.Text("why"), r.time());
       }},
  };
  return kTellers;
}

void TellOne(const Record& record, Observer& observer) {
  const auto teller = Tellers().find(record.event());
  if (teller == Tellers().end()) {
    record.root().At("event").Fail("is no event: '" + record.event() + "'");
  }
  teller->second(record, observer);
}

struct Line {
  Seconds time;
  const std::string* path;
  int number;
  std::string text;

  std::string Place() const { return fmt::format("{}:{}", *path, number); }
};

// Lines begin with their time, so that one need not read the rest to sort them.
Seconds TimeOf(const Line& line) {
  constexpr std::string_view kBegin = "{\"t\":";
  double time = -1;
  if (line.text.starts_with(kBegin)) {
    std::from_chars(line.text.data() + kBegin.size(), line.text.data() + line.text.size(), time);
  }
  if (!(time >= 0)) throw InputError(line.Place() + ": no event: it must begin with {\"t\":");
  return Seconds(time);
}

void ReadLines(const std::string& path, std::vector<Line>* lines) {
  std::ifstream stream(path);
  if (!stream) throw InputError(path + ": cannot be read");
  Line line{{}, &path, 0, {}};
  while (std::getline(stream, line.text)) {
    ++line.number;
    line.time = TimeOf(line);
    lines->push_back(line);
  }
}

}  // namespace

void ReadEvents(const std::vector<std::string>& paths, Observer& observer) {
  std::vector<Line> lines;
  for (const std::string& path : paths) ReadLines(path, &lines);
  std::ranges::stable_sort(lines, {}, &Line::time);
  for (const Line& line : lines)
    TellOne({ParseJson(line.text, line.Place()), line.Place()}, observer);
}

}  // namespace hat
