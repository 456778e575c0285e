#include "tests/protocol/fake_cloud.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/protocol/fake_states.h"

namespace hat {

std::vector<int32_t> FakeCloudCompute::PositionsOfPart(const BatchPart& part) const {
  if (part.parents.empty()) return Consecutive(part.first_position, part.tokens);
  std::vector<int32_t> positions;
  for (const int32_t parent : part.parents) {
    positions.push_back(parent < 0 ? part.first_position
                                   : positions[static_cast<size_t>(parent)] + 1);
  }
  return positions;
}

void FakeCloudCompute::RunStage(int stage, Batch& batch) {
  int tokens = 0;
  for (BatchPart& part : batch.parts) {
    tokens += part.tokens;
    Append(caches_[{part.session.number, part.session.link, stage}], part);
    if (part.states.empty()) continue;  // raw kinds
    std::vector<int32_t> positions = PositionsOfPart(part);
    EXPECT_EQ(PositionsOf(part.states, bytes_each_), positions);
    if (stage + 1 < stages_) continue;
    for (int32_t& position : positions) position += kDeep;
    part.states = MakeStates(positions, bytes_each_);
  }
  EXPECT_EQ(batch.tokens, tokens);
  world_.SleepUntil(world_.Now() + latency_(stage, batch));
}

void FakeCloudCompute::Append(Cache& cache, const BatchPart& part) {
  KeepPath(cache, part);
  if (part.kind == FrameKind::kVerify) {
    EXPECT_LE(part.first_position, cache.positions) << "session " << part.session.number;
  } else {
    EXPECT_EQ(part.first_position, cache.positions) << "session " << part.session.number;
  }
  cache.positions = part.first_position + part.tokens;
  cache.root = part.first_position;
  cache.parents = part.parents;
}

// A tree's cache holds its nodes in order; the kept path moves to the front of them.
void FakeCloudCompute::KeepPath(Cache& cache, const BatchPart& part) {
  if (cache.parents.empty()) {
    EXPECT_TRUE(part.kept.empty());
    return;
  }
  ASSERT_FALSE(part.kept.empty());
  EXPECT_EQ(part.kept[0], 0);
  for (size_t i = 1; i < part.kept.size(); ++i) {
    EXPECT_EQ(cache.parents.at(static_cast<size_t>(part.kept[i])), part.kept[i - 1]);
  }
  cache.positions = cache.root + static_cast<int>(part.kept.size());
  EXPECT_EQ(part.first_position, cache.positions);
}

void FakeCloudCompute::Forget(const SessionKey& session) {
  std::erase_if(caches_, [&](const auto& item) {
    const auto& [number, link, stage] = item.first;
    return number == session.number && link == session.link;
  });
  forgotten_.push_back(session.number);
  tokens_out_.erase(session.number);
}

int FakeCloudCompute::CommitTokens(const BatchPart& part) {
  int& out = tokens_out_[part.session.number];
  int accepted = 0;
  while (accepted < part.tokens - 1 && part.kind == FrameKind::kVerify &&
         drafter_(part.request(), out, accepted + 1).rank == 1) {
    ++accepted;
  }
  out += accepted + 1;
  return accepted + 1;
}

int FakeCloudCompute::Draft(const SessionKey& session, int most) {
  if (!policy_) return 0;
  const int out = tokens_out_.at(session.number);
  const auto request = static_cast<int>(session.number);
  int drafted = 0;
  while (drafted < most &&
         policy_->GoesOn({drafter_(request, out, drafted + 1).confidence, drafted})) {
    ++drafted;
  }
  return drafted;
}

Seconds FakeCloudCompute::CrossStageLink(int, const Batch&) {
  link_free_ = std::max(link_free_, world_.Now()) + stage_link_;
  return link_free_;
}

}  // namespace hat
