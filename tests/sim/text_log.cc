#include "tests/sim/text_log.h"

#include <fmt/format.h>

namespace hat {
namespace {

std::string Ms(Seconds at) { return fmt::format("{:.6f}", ToMilliseconds(at)); }

const char* KindName(FrameKind kind) {
  constexpr const char* kNames[] = {"?",     "prefill",    "verify",    "close",
                                    "first", "raw-prompt", "raw-token", "abort"};
  return kNames[static_cast<size_t>(kind)];
}

}  // namespace

void TextLog::Add(Seconds at, const char* what, int request, const std::string& details) {
  text_ += fmt::format("{:>14} {:<8} r{}", Ms(at), what, request);
  text_ += details.empty() ? "\n" : " " + details + "\n";
}

void TextLog::OnArrival(const Request& request) {
  Add(request.arrival, "arrival", request.id,
      fmt::format("device {} row {} prompt {} output {}", request.device, request.prompt_row,
                  request.prompt_tokens, request.output_tokens));
}

void TextLog::OnStart(const Request& request, Seconds at) { Add(at, "start", request.id, ""); }

void TextLog::OnDeviceOp(const DeviceOpEvent& event) {
  Add(event.span.end, "op", event.request,
      fmt::format("device {} {} {} at {}: asked {} start {}", event.device, Name(event.op),
                  event.tokens, event.context, Ms(event.span.requested), Ms(event.span.start)));
}

void TextLog::OnFrame(const FrameEvent& event) {
  const FrameHeader& header = event.header;
  std::string details = fmt::format(
      "{} {} {} at {}, {:.0f} bytes: sent {} start {} left {}",
      event.direction == Direction::kUp ? "up" : "down", KindName(header.kind), header.count,
      header.first_position, event.size.value(), Ms(event.sent), Ms(event.start), Ms(event.left));
  if (header.flags != 0) details += fmt::format(" flags {}", header.flags);
  if (header.kept_count > 0) details += fmt::format(" kept {}", header.kept_count);
  if (header.cloud_fixed_s > 0) {
    details +=
        fmt::format(" monitor {:g} B/s wait {:g} s g {:g} + {:g} s", header.uplink_bytes_per_s,
                    header.prefill_wait_s, header.cloud_fixed_s, header.cloud_s_per_token);
  }
  Add(event.arrived, "frame", event.request, details);
}

void TextLog::OnAdmitted(int request, int replica, Seconds at) {
  Add(at, "admitted", request, fmt::format("replica {}", replica));
}

void TextLog::OnStage(const StageEvent& event) {
  const Batch& batch = *event.batch;
  std::string details =
      fmt::format("{}.{} stage {}: since {} start {} linked {}:", batch.replica, batch.ordinal,
                  event.stage, Ms(event.span.requested), Ms(event.span.start), Ms(event.linked));
  for (const BatchPart& part : batch.parts) {
    details += fmt::format(" r{} {} {} at {}{}", part.request(), KindName(part.kind), part.tokens,
                           part.first_position, part.completes_prompt ? " last" : "");
  }
  text_ += fmt::format("{:>14} {:<8} {}\n", Ms(event.span.end), "batch", details);
}

void TextLog::OnRound(const RoundEvent& event) {
  Add(event.at, "round", event.request,
      fmt::format("drafted {} accepted {} ahead {} wasted {}", event.drafted, event.accepted,
                  event.ahead_steps, event.wasted_steps));
}

void TextLog::OnTokens(int request, int count, Seconds at) {
  Add(at, "tokens", request, fmt::format("{}", count));
}

void TextLog::OnEnd(int request, Outcome outcome, Seconds at) {
  Add(at, "end", request, outcome == Outcome::kCompleted ? "completed" : "failed");
}

}  // namespace hat
