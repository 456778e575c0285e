#include "protocol/work_queue.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

// States [first, first + count) of the frame's; empty where the frame carries none (simulator).
States Slice(const Frame& frame, int first, int count) {
  if (frame.states.empty()) return {};
  const size_t size = frame.states.size() / static_cast<size_t>(frame.header.count);
  const auto begin = frame.states.begin() + static_cast<std::ptrdiff_t>(size) * first;
  return States(begin, begin + static_cast<std::ptrdiff_t>(size) * count);
}

BatchPart WholePart(Seconds arrived, const SessionKey& session, Frame frame) {
  BatchPart part;
  part.session = session;
  part.kind = frame.header.kind;
  part.first_position = frame.header.first_position;
  part.tokens = frame.header.count;
  part.arrived = arrived;
  part.kept = std::move(frame.kept);
  part.parents = std::move(frame.parents);
  part.states = std::move(frame.states);
  return part;
}

// The batch's part of this session, or null.
BatchPart* FindPart(Batch& batch, const SessionKey& session) {
  const auto part = std::find_if(batch.parts.begin(), batch.parts.end(),
                                 [&](const BatchPart& p) { return p.session == session; });
  return part == batch.parts.end() ? nullptr : &*part;
}

// False where the part before was cut short, so that positions are missing between them.
bool Continues(const BatchPart& part, int first_position) {
  return part.first_position + part.tokens == first_position;
}

}  // namespace

void WorkQueue::Insert(std::deque<Item>& items, Item item) {
  // Arrivals come nearly in order: look for the place from the back.
  auto place = items.end();
  while (place != items.begin()) {
    const Item& before = *std::prev(place);
    const auto order = [](const Item& i) {
      return std::tuple(i.arrived, i.session.number, i.session.device);
    };
    if (order(before) <= order(item)) break;
    --place;
  }
  items.insert(place, std::move(item));
}

void WorkQueue::Add(Seconds arrived, int device, Frame frame, int link) {
  auto& items = frame.header.kind == FrameKind::kVerify ? verifications_ : prefills_;
  const SessionKey session{device, frame.header.session, link};
  Insert(items, {arrived, session, std::move(frame)});
}

void WorkQueue::Remove(const SessionKey& session) {
  for (auto* items : {&verifications_, &prefills_}) {
    std::erase_if(*items, [&](const Item& item) { return item.session == session; });
  }
}

WorkQueue::Formed WorkQueue::Form(int token_budget, const PrefillCut& cut) {
  Formed formed;
  formed.batch.parts.reserve(std::min(size(), static_cast<size_t>(token_budget)));
  if (TakeVerifications(token_budget, &formed.batch)) TakePrefills(token_budget, cut, &formed);
  return formed;
}

bool WorkQueue::TakeVerifications(int token_budget, Batch* batch) {
  while (!verifications_.empty()) {
    Item& item = verifications_.front();
    if (batch->tokens + item.frame.header.count > token_budget) return false;
    batch->tokens += item.frame.header.count;
    batch->parts.push_back(WholePart(item.arrived, item.session, std::move(item.frame)));
    verifications_.pop_front();
  }
  return true;
}

void WorkQueue::TakePrefills(int token_budget, const PrefillCut& cut, Formed* formed) {
  Batch& batch = formed->batch;
  for (auto item = prefills_.begin(); item != prefills_.end() && batch.tokens < token_budget;) {
    const FrameHeader& header = item->frame.header;
    BatchPart* earlier = FindPart(batch, item->session);
    const int first = header.first_position + item->taken;
    if (earlier != nullptr && !(cut.MergesParts() && Continues(*earlier, first))) {
      ++item;
      continue;
    }
    const int left = header.count - item->taken;
    const int take = cut.TokensToTake(left, token_budget - batch.tokens);
    HAT_CHECK(take >= 1 && take <= left, "a prefill cut left its range");
    States states = Slice(item->frame, item->taken, take);
    if (earlier != nullptr) {
      earlier->tokens += take;
      earlier->states.insert(earlier->states.end(), states.begin(), states.end());
    } else {
      batch.parts.push_back({.session = item->session,
                             .kind = header.kind,
                             .first_position = first,
                             .tokens = take,
                             .arrived = item->arrived,
                             .states = std::move(states)});
      earlier = &batch.parts.back();
    }
    earlier->completes_prompt = first + take == header.prompt_tokens;
    if (item->taken == 0) formed->prefill_arrivals.push_back(item->arrived);
    batch.tokens += take;
    item->taken += take;
    item = item->taken == header.count ? prefills_.erase(item) : std::next(item);
  }
}

}  // namespace hat
