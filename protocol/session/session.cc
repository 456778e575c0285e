#include "protocol/session/session.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "protocol/session/chain_session.h"
#include "protocol/session/local_session.h"
#include "protocol/session/raw_session.h"
#include "protocol/session/tree_session.h"

namespace hat {

SessionEnd DeviceSession::Serve(const Request& request) {
  request_ = request;
  newest_position_ = request.prompt_tokens;
  remaining_ = request.output_tokens;
  try {
    Run();
  } catch (const std::exception& error) {
    Fail({Outcome::kFailed, error.what(), std::current_exception()});
  }
  if (is_known_to_cloud_) Send(MakeFrame(FrameKind::kClose, newest_position_, 0, {}));
  return end_;
}

bool DeviceSession::Fail(SessionEnd end) {
  end_ = std::move(end);
  return false;
}

Frame DeviceSession::MakeFrame(FrameKind kind, int first_position, int count, States states) const {
  Frame frame;
  frame.header.session = static_cast<SessionId>(request_.id);
  frame.header.kind = kind;
  frame.header.dtype = device_.dtype;
  frame.header.first_position = first_position;
  frame.header.count = count;
  frame.header.prompt_tokens = request_.prompt_tokens;
  frame.header.output_tokens = request_.output_tokens;
  frame.states = std::move(states);
  return frame;
}

void DeviceSession::Send(Frame frame) {
  is_known_to_cloud_ = true;
  device_.uplink.Send(std::move(frame));
}

bool DeviceSession::Fits(const Frame& answer, FrameKind kind, int first_position,
                         CountRange count) const {
  const FrameHeader& header = answer.header;
  const bool has_states = device_.carries_states && kind != FrameKind::kRawToken;
  const double bytes_each = has_states ? 1.0 * device_.hidden * BytesPerValue(device_.dtype) : 0;
  return header.kind == kind && header.dtype == device_.dtype &&
         header.first_position == first_position && header.count >= count.least &&
         header.count <= count.most &&
         static_cast<double>(answer.states.size()) == header.count * bytes_each;
}

std::optional<Delivery> DeviceSession::AwaitAnswer(FrameKind kind, int first_position,
                                                   CountRange count) {
  const auto fail = [this](std::string reason) {
    Fail({Outcome::kFailed, std::move(reason)});
    return std::nullopt;
  };
  std::optional<Delivery> answer = inbox_.PopUntil(device_.world.Now() + device_.answer_timeout);
  if (!answer && inbox_.is_closed()) {
    Fail(inbox_.end());
    return std::nullopt;
  }
  if (!answer) {
    return fail(fmt::format("no answer within {:g} s", device_.answer_timeout.value()));
  }
  const FrameHeader& header = answer->frame.header;
  if (header.kind == FrameKind::kAbort) {
    return fail(fmt::format("the cloud has ended the session: {}",
                            Name(static_cast<AbortReason>(header.first_position))));
  }
  if (!Fits(answer->frame, kind, first_position, count)) {
    return fail(fmt::format(
        "an answer that fits no question: kind {}, {} states from position {}, {} bytes",
        static_cast<int>(header.kind), header.count, header.first_position,
        answer->frame.states.size()));
  }
  return answer;
}

void DeviceSession::Commit(int tokens, bool ends_text) {
  remaining_ -= tokens;
  HAT_CHECK(remaining_ >= 0);
  device_.observer.OnTokens(request_.id, tokens, device_.world.Now());
  if (ends_text) remaining_ = 0;
}

void DeviceSession::Report(DeviceOp op, int tokens, int context, const Span& span) {
  device_.observer.OnDeviceOp({request_.id, device_.device, op, tokens, context, span});
}

std::unique_ptr<DeviceSession> MakeSession(DeviceContext& device, DeviceCompute& compute,
                                           Inbox& inbox) {
  switch (device.system.session) {
    case SessionKind::kChain:
      return std::make_unique<ChainSession>(device, compute, inbox);
    case SessionKind::kTree:
      return std::make_unique<TreeSession>(device, compute, inbox);
    case SessionKind::kRaw:
      return std::make_unique<RawSession>(device, compute, inbox);
    case SessionKind::kLocal:
      return std::make_unique<LocalSession>(device, compute, inbox);
  }
  HAT_CHECK(false);
}

}  // namespace hat
