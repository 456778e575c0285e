#include "protocol/front_door.h"

#include <fmt/format.h>

#include <algorithm>

namespace hat {
namespace {

// The depth of a tree's deepest node; none: a parent does not come before its child, or the first
// node is not the only root.
std::optional<int> Depth(const std::vector<int32_t>& parents) {
  std::vector<int> depths;
  for (size_t node = 0; node < parents.size(); ++node) {
    const int32_t parent = parents[node];
    const bool is_root = node == 0;
    if (is_root ? parent != -1 : parent < 0 || parent >= static_cast<int32_t>(node)) {
      return std::nullopt;
    }
    depths.push_back(is_root ? 0 : depths[static_cast<size_t>(parent)] + 1);
  }
  return std::ranges::max(depths);
}

// Whether `kept` is a path from the root of the tree.
bool IsPath(const std::vector<int32_t>& kept, const std::vector<int32_t>& parents) {
  int32_t before = -1;
  for (const int32_t node : kept) {
    if (node < 0 || node >= static_cast<int32_t>(parents.size())) return false;
    if (parents[static_cast<size_t>(node)] != before) return false;
    before = node;
  }
  return true;
}

}  // namespace

Refusal FrontDoor::Open(const Frame& frame, Session* session) const {
  const FrameHeader& header = frame.header;
  if (const Refusal refusal = HeaderProblem(header)) return refusal;
  if (header.kind != prompt_kind()) return "no open session of this device";
  if (header.first_position != 0) return "its first frame is not the prompt's first";
  const int64_t positions = int64_t{header.prompt_tokens} + header.output_tokens - 1;
  if (positions > limits_.max_positions) {
    return fmt::format("{} positions; the model has {}", positions, limits_.max_positions);
  }
  *session = Session();
  session->prompt_tokens_ = header.prompt_tokens;
  session->output_tokens_ = header.output_tokens;
  return std::nullopt;
}

Refusal FrontDoor::OnFrame(const Frame& frame, Session* session) const {
  const FrameHeader& header = frame.header;
  if (const Refusal refusal = HeaderProblem(header)) return refusal;
  if (header.kind == FrameKind::kClose) return std::nullopt;
  if (header.prompt_tokens != session->prompt_tokens_ ||
      header.output_tokens != session->output_tokens_) {
    return "another prompt or output length than before";
  }
  if (const Refusal refusal = CheckShape(frame)) return refusal;
  if (header.kind == prompt_kind()) {
    Refusal refusal = CheckPrompt(header, *session);
    if (!refusal) session->prompt_received_ += header.count;
    return refusal;
  }
  if (header.kind != FrameKind::kVerify || limits_.returns_tokens) {
    return "a frame of a kind that devices do not send";
  }
  if (const Refusal refusal = CheckVerify(frame, *session)) return refusal;
  session->is_waiting_ = true;
  session->verify_position_ = header.first_position;
  session->verify_count_ = header.count;
  session->parents_ = frame.parents;
  return std::nullopt;
}

void FrontDoor::OnAnswer(const FrameHeader& header, Session* session) const {
  if (header.kind == FrameKind::kVerify) {
    session->is_waiting_ = false;
  } else if (header.first_position + header.count == header.prompt_tokens) {
    session->has_first_ = true;
  }
}

Refusal FrontDoor::CheckShape(const Frame& frame) const {
  const FrameHeader& header = frame.header;
  const bool is_raw = header.kind == FrameKind::kRawPrompt;
  const auto wrong = [](size_t size, int64_t expected, const char* what) -> Refusal {
    if (static_cast<int64_t>(size) == expected) return std::nullopt;
    return fmt::format("{} {} in place of {}", size, what, expected);
  };
  const int64_t bytes = limits_.carries_states && !is_raw
                            ? int64_t{header.count} * limits_.hidden * BytesPerValue(header.dtype)
                            : 0;
  if (Refusal refusal = wrong(frame.states.size(), bytes, "bytes of states")) return refusal;
  if (Refusal refusal = wrong(frame.kept.size(), header.kept_count, "kept nodes")) return refusal;
  const bool is_tree = (header.flags & kFlagTree) != 0;
  if (Refusal refusal = wrong(frame.parents.size(), is_tree ? header.count : 0, "parents")) {
    return refusal;
  }
  if (header.dtype != limits_.dtype) return "states of another dtype than agreed";
  return std::nullopt;
}

Refusal FrontDoor::CheckPrompt(const FrameHeader& header, const Session& session) const {
  if (header.first_position == session.prompt_received_) return std::nullopt;
  return fmt::format("prompt position {} where {} comes next", header.first_position,
                     session.prompt_received_);
}

Refusal FrontDoor::CheckVerify(const Frame& frame, const Session& session) const {
  const FrameHeader& header = frame.header;
  const bool is_tree = (header.flags & kFlagTree) != 0;
  if (!session.has_first_ || session.is_waiting_) {
    return "a verification before the answer to the frame before it";
  }
  if (is_tree != limits_.takes_trees) {
    return is_tree ? "a tree where chains are drafted" : "a chain where trees are drafted";
  }
  if (header.count > limits_.max_verify) {
    return fmt::format("{} states to verify; at most {}", header.count, limits_.max_verify);
  }
  const std::optional<int> deepest = is_tree ? Depth(frame.parents) : header.count - 1;
  if (!deepest) return "a tree whose parents do not come before their children";
  const int64_t last = int64_t{session.prompt_tokens_} + session.output_tokens_ - 2;
  if (int64_t{header.first_position} + *deepest > last) return "a draft beyond the last position";
  return CheckPlace(frame, session);
}

// The first verification begins after the prompt; a later one where the path that it keeps (a
// tree) ends, or at one of the positions that the one before (a chain) may have left.
Refusal FrontDoor::CheckPlace(const Frame& frame, const Session& session) const {
  const int position = frame.header.first_position;
  const int before = session.verify_position_;
  const bool has_tree = !session.parents_.empty();
  if (!has_tree && !frame.kept.empty()) return "nodes are kept of no tree";
  if (has_tree && frame.kept.empty()) return "no node of the tree before is kept";
  if (has_tree && !IsPath(frame.kept, session.parents_)) {
    return "the kept nodes are no path of the tree before";
  }
  const int kept = static_cast<int>(frame.kept.size());
  const bool follows = before < 0 ? position == session.prompt_tokens_
                       : has_tree ? position == before + kept
                                  : position > before && position <= before + session.verify_count_;
  if (follows) return std::nullopt;
  return fmt::format("position {} does not follow the verification before it", position);
}

}  // namespace hat
