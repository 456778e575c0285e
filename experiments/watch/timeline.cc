#include "experiments/watch/timeline.h"

#include <cmath>
#include <iterator>

namespace hat {
namespace {

constexpr size_t kFlushBytes = 1 << 20;
constexpr std::string_view kHead = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[";
constexpr std::string_view kTail = "\n]}\n";

// Processes: devices and links by turns, replicas behind them.
int DeviceProcess(int device) { return 1 + 2 * device; }
int LinkProcess(int device) { return 2 + 2 * device; }
int ReplicaProcess(int replica) { return 1'000'000'000 + replica; }

// Threads count from 1: Perfetto takes thread 0 for the process's main one, whose number is the
// process's, and lays both on one track.
int RequestThread(int request) { return 1 + request; }
int StageThread(int stage) { return 1 + stage; }
int LinkThread(Direction direction) { return direction == Direction::kUp ? 1 : 2; }

// Viewers count in whole nanoseconds and drop a slice that ends outside the one it began in. Points
// in time are rounded, never durations: so what lies in order, or inside, still does.
int64_t Nanoseconds(Seconds at) { return std::llround(at.value() * 1e9); }

// In microseconds, exactly.
std::string MicrosecondsText(int64_t ns) { return fmt::format("{}.{:03}", ns / 1000, ns % 1000); }

}  // namespace

Timeline::Timeline() { text_.append(kHead); }

Timeline::Timeline(const std::string& path) : Timeline() { file_.emplace(path); }

void Timeline::OnArrival(const Request& request) { running_[request.id] = request; }

void Timeline::OnDeviceOp(const DeviceOpEvent& event) {
  const int process = DeviceProcess(event.device);
  Name(process, "device", event.device);
  const int thread = RequestThread(event.request);
  NameThread(process, thread, "request", event.request);
  AddEvent(process, thread, hat::Name(event.op), event.span.start, event.span.end,
           fmt::format("\"tokens\":{},\"context\":{},\"waited_ms\":{:.6f}", event.tokens,
                       event.context, ToMilliseconds(event.span.start - event.span.requested)));
}

void Timeline::OnFrame(const FrameEvent& event) {
  const int process = LinkProcess(event.device);
  const int thread = LinkThread(event.direction);
  Name(process, "link of device", event.device);
  NameThread(process, thread, event.direction == Direction::kUp ? "uplink" : "downlink", -1);
  AddEvent(process, thread, hat::Name(event.header.kind), event.start, event.left,
           fmt::format("\"request\":{},\"first\":{},\"count\":{},\"bytes\":{:.0f},"
                       "\"waited_ms\":{:.6f},\"arrived_ms\":{:.6f}",
                       event.request, event.header.first_position, event.header.count,
                       event.size.value(), ToMilliseconds(event.start - event.sent),
                       ToMilliseconds(event.arrived)));
}

void Timeline::OnStage(const StageEvent& event) {
  const int process = ReplicaProcess(event.batch->replica);
  Name(process, "cloud replica", event.batch->replica);
  const int thread = StageThread(event.stage);
  NameThread(process, thread, "stage", event.stage);
  std::string requests;
  for (const BatchPart& part : event.batch->parts) {
    fmt::format_to(std::back_inserter(requests), "{}{}", requests.empty() ? "" : ",",
                   part.request());
  }
  AddEvent(process, thread, fmt::format("batch {}", event.batch->ordinal), event.span.start,
           event.span.end,
           fmt::format("\"tokens\":{},\"requests\":[{}],\"linked_ms\":{:.6f}", event.batch->tokens,
                       requests, ToMilliseconds(event.linked)));
}

void Timeline::OnTokens(int request, int count, Seconds at) {
  const auto running = running_.find(request);
  if (running == running_.end()) return;
  const int process = DeviceProcess(running->second.device);
  Name(process, "device", running->second.device);
  Separate();
  fmt::format_to(std::back_inserter(text_),
                 "{{\"ph\":\"i\",\"s\":\"t\",\"name\":\"{} token{}\",\"ts\":{},\"pid\":{},"
                 "\"tid\":{}}}",
                 count, count == 1 ? "" : "s", MicrosecondsText(Nanoseconds(at)), process,
                 RequestThread(request));
}

void Timeline::OnEnd(int request, Outcome outcome, Seconds at) {
  const auto running = running_.find(request);
  if (running == running_.end()) return;
  const Request& done = running->second;
  const int process = DeviceProcess(done.device);
  Name(process, "device", done.device);
  const int thread = RequestThread(request);
  NameThread(process, thread, "request", request);
  AddEvent(process, thread, fmt::format("request {}", request), done.arrival, at,
           fmt::format("\"prompt_tokens\":{},\"output_tokens\":{},\"outcome\":\"{}\"",
                       done.prompt_tokens, done.output_tokens,
                       outcome == Outcome::kCompleted ? "completed" : "failed"));
  running_.erase(running);
}

void Timeline::Name(int process, std::string_view kind, int number) {
  if (!named_.insert(-int64_t{process}).second) return;
  Separate();
  fmt::format_to(
      std::back_inserter(text_),
      "{{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":{},\"args\":{{\"name\":\"{} {}\"}}}}",
      process, kind, number);
}

void Timeline::NameThread(int process, int thread, std::string_view kind, int number) {
  if (!named_.insert((int64_t{process} << 32) + thread).second) return;
  Separate();
  fmt::format_to(std::back_inserter(text_),
                 "{{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":{},\"tid\":{},"
                 "\"args\":{{\"name\":\"{}{}\"}}}}",
                 process, thread, kind, number < 0 ? "" : fmt::format(" {}", number));
}

void Timeline::AddEvent(int process, int thread, std::string_view name, Seconds start, Seconds end,
                        std::string_view arguments) {
  const int64_t start_ns = Nanoseconds(start);
  Separate();
  fmt::format_to(std::back_inserter(text_),
                 "{{\"ph\":\"X\",\"name\":\"{}\",\"ts\":{},\"dur\":{},\"pid\":{},\"tid\":{},"
                 "\"args\":{{{}}}}}",
                 name, MicrosecondsText(start_ns), MicrosecondsText(Nanoseconds(end) - start_ns),
                 process, thread, arguments);
}

void Timeline::Separate() {
  text_.append(std::string_view(is_empty_ ? "\n" : ",\n"));
  is_empty_ = false;
  if (file_ && text_.size() >= kFlushBytes) Flush();
}

void Timeline::Flush() {
  file_->Write({text_.data(), text_.size()});
  text_.clear();
}

std::string Timeline::Json() const { return fmt::to_string(text_) + std::string(kTail); }

void Timeline::Finish() {
  if (!file_) return;
  text_.append(kTail);
  Flush();
  file_->Commit();
}

}  // namespace hat
