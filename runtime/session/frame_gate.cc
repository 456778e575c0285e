#include "runtime/session/frame_gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/error.h"

namespace hat {
namespace {

void Require(bool holds, SessionId session, const std::string& what) {
  if (!holds) throw InputError(fmt::format("session {}: {}", session, what));
}

}  // namespace

void FrameGate::OnUp(int device, const Frame& frame) {
  const FrameHeader& header = frame.header;
  DecodeHeader(EncodeHeader(header));  // ranges of its fields
  CheckShape(frame);
  switch (header.kind) {
    case FrameKind::kPrefill:
      return CheckPrefill(device, header);
    case FrameKind::kVerify: {
      Session& session = Find(device, header);
      CheckVerify(session, frame);
      session.is_waiting = true;
      session.verify_position = header.first_position;
      session.verify_count = header.count;
      session.parents = frame.parents;
      return;
    }
    case FrameKind::kClose: {
      const Session& session = Find(device, header);
      Require(session.has_first && !session.is_waiting, header.session,
              "closed before it has its last answer");
      sessions_.erase(header.session);
      return;
    }
    default:
      Require(false, header.session, "a frame of a kind that devices do not send");
  }
}

void FrameGate::OnDown(const FrameHeader& header) {
  const auto found = sessions_.find(header.session);
  HAT_CHECK(found != sessions_.end());
  if (header.kind == FrameKind::kVerify) {
    found->second.is_waiting = false;
  } else if (header.first_position + header.count == header.prompt_tokens) {
    found->second.has_first = true;
  }
}

FrameGate::Session& FrameGate::Find(int device, const FrameHeader& header) {
  const auto found = sessions_.find(header.session);
  Require(found != sessions_.end() && found->second.device == device, header.session,
          "no open session of this device");
  Session& session = found->second;
  Require(session.prompt_tokens == header.prompt_tokens &&
              session.output_tokens == header.output_tokens,
          header.session, "another prompt or output length than before");
  return session;
}

void FrameGate::CheckShape(const Frame& frame) const {
  const FrameHeader& header = frame.header;
  const auto has = [&](size_t size, double expected, const char* what) {
    Require(static_cast<double>(size) == expected, header.session,
            fmt::format("{} {} in place of {}", size, what, expected));
  };
  has(frame.states.size(), 1.0 * header.count * limits_.hidden * BytesPerValue(header.dtype),
      "bytes of states");
  has(frame.kept.size(), header.kept_count, "kept nodes");
  const bool is_tree = (header.flags & kFlagTree) != 0;
  has(frame.parents.size(), is_tree ? header.count : 0, "parents");
  Require(header.dtype == limits_.dtype, header.session, "states of another dtype than agreed");
}

void FrameGate::CheckPrefill(int device, const FrameHeader& header) {
  if (!sessions_.contains(header.session)) {
    Require(header.first_position == 0, header.session,
            "its first frame is not the prompt's first");
    const int64_t positions = int64_t{header.prompt_tokens} + header.output_tokens - 1;
    Require(positions <= limits_.max_positions, header.session,
            fmt::format("{} positions; the model has {}", positions, limits_.max_positions));
    sessions_[header.session] = {
        device, header.prompt_tokens, header.output_tokens, 0, false, false, -1, 0, {}};
  }
  Session& session = Find(device, header);
  Require(header.first_position == session.prompt_received, header.session,
          fmt::format("prompt position {} where {} comes next", header.first_position,
                      session.prompt_received));
  session.prompt_received += header.count;
}

void FrameGate::CheckVerify(const Session& session, const Frame& frame) const {
  const FrameHeader& header = frame.header;
  const bool is_tree = (header.flags & kFlagTree) != 0;
  Require(session.has_first && !session.is_waiting, header.session,
          "a verification before the answer to the frame before it");
  Require(is_tree == (limits_.kind == SystemSpec::Kind::kMedusa), header.session,
          is_tree ? "a tree where chains are drafted" : "a chain where trees are drafted");
  Require(header.count <= limits_.max_verify, header.session,
          fmt::format("{} states to verify; at most {}", header.count, limits_.max_verify));
  int deepest = header.count - 1;
  if (is_tree) {
    std::vector<int> depths;
    for (size_t node = 0; node < frame.parents.size(); ++node) {
      const int32_t parent = frame.parents[node];
      const bool is_root = node == 0;
      Require(is_root ? parent == -1 : parent >= 0 && parent < static_cast<int32_t>(node),
              header.session, "a tree whose parents do not come before their children");
      depths.push_back(is_root ? 0 : depths[static_cast<size_t>(parent)] + 1);
    }
    deepest = std::ranges::max(depths);
  }
  const int64_t last = int64_t{session.prompt_tokens} + session.output_tokens - 2;
  Require(int64_t{header.first_position} + deepest <= last, header.session,
          "a draft beyond the last position");
  const int next = PositionAfter(session, frame);
  const bool is_next =
      is_tree || session.verify_position < 0
          ? header.first_position == next
          : header.first_position > session.verify_position && header.first_position <= next;
  Require(
      is_next, header.session,
      fmt::format("position {} does not follow the verification before it", header.first_position));
}

// Where the next verification starts if all of the newest one (a chain) or the path that the frame
// keeps (a tree) was right.
int FrameGate::PositionAfter(const Session& session, const Frame& frame) const {
  if (session.verify_position < 0) {
    Require(frame.kept.empty(), frame.header.session, "nodes are kept of no tree");
    return session.prompt_tokens;
  }
  if (session.parents.empty()) return session.verify_position + session.verify_count;
  int32_t before = -1;
  for (const int32_t node : frame.kept) {
    const bool is_path = node >= 0 && node < session.verify_count &&
                         session.parents[static_cast<size_t>(node)] == before;
    Require(is_path, frame.header.session, "the kept nodes are no path of the tree before");
    before = node;
  }
  Require(!frame.kept.empty(), frame.header.session, "no node of the tree before is kept");
  return session.verify_position + static_cast<int>(frame.kept.size());
}

}  // namespace hat
