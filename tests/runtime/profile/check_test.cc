#include "runtime/profile/check.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace hat {
namespace {

ProfileInfo Info(Role role) {
  ProfileInfo info;
  info.id = Name(role);
  info.role = role;
  info.model = LikeLayers("tiny", 8, 4, {2, 1, 4, 16}, 32, false);
  info.dtype = Dtype::kFloat32;
  return info;
}

std::vector<LatencyGrid::Point> Corners(int tokens, int context, double us) {
  if (context == 0) return {{1, 0, {us}, {}}, {tokens, 0, {us * tokens}, {}}};
  return {{1, 0, {us}, {}},
          {1, context, {us}, {}},
          {tokens, 0, {us * tokens}, {}},
          {tokens, context, {us * tokens}, {}}};
}

CloudProfile Cloud(int tokens, int context) {
  ProfileData data;
  data.info = Info(Role::kCloud);
  data.operations[Operation::kLinear] = Corners(tokens, 0, 100);
  data.operations[Operation::kAttentionBase] = {{1, 0, {5}, {}}};
  data.operations[Operation::kAttention] = Corners(tokens, context, 10);
  return CloudProfile(data);
}

// 3 layers, 5 tokens: 3 x (500 + 5 + 40 + 10).
TEST(ProfileCheckTest, ACloudsStepIsLayersTimesLinearAndAttention) {
  const Seconds step = ComposedStep(Cloud(16, 64), {"verify", {{4, 0}, {1, 64}}}, 3);
  EXPECT_NEAR(ToMicroseconds(step), 3 * 555, 1e-6);
}

// embedding 7n, layer 20n, head 3n, draft 60.
DeviceProfile Device(int tokens, int context) {
  ProfileData data;
  data.info = Info(Role::kDevice);
  data.operations[Operation::kEmbedding] = Corners(tokens, 0, 7);
  data.operations[Operation::kLayer] = Corners(tokens, context, 20);
  data.operations[Operation::kAdapter] = Corners(tokens, context, 10);
  data.operations[Operation::kHead] = Corners(tokens, 0, 3);
  data.operations[Operation::kDraft] = {{1, 0, {60}, {}}, {1, context, {60}, {}}};
  data.draft_layers = 2;
  return DeviceProfile(data);
}

TEST(ProfileCheckTest, ADevicesStepIsItsLayersAndTheHeadOfWhatIsVerified) {
  const DeviceProfile device = Device(64, 64);
  const auto us = [&](const char* name, int tokens) {
    return ToMicroseconds(ComposedStep(device, {name, {{tokens, 64}}}, 2));
  };
  EXPECT_NEAR(us("prefill", 16), 16 * (7 + 2 * 20) + 3, 1e-6);
  EXPECT_NEAR(us("verify", 4), 4 * (7 + 2 * 20 + 3), 1e-6);
  EXPECT_NEAR(us("draft", 1), 60, 1e-6);
}

TEST(ProfileCheckTest, StepsStayWithinWhatTheProfileCovers) {
  const std::vector<CheckedStep> all = StepsFor(Cloud(1024, 2048));
  const std::vector<CheckedStep> few = StepsFor(Cloud(16, 128));
  EXPECT_FALSE(few.empty());
  EXPECT_GT(all.size(), few.size());
  for (const CheckedStep& step : few) {
    EXPECT_LE(step.tokens(), 16);
    EXPECT_LE(step.most_context(), 128);
  }
  const auto has = [&](const char* name, size_t sequences) {
    return std::any_of(all.begin(), all.end(), [&](const CheckedStep& step) {
      return step.name == name && step.parts.size() == sequences;
    });
  };
  EXPECT_TRUE(has("decode", 1) && has("decode", 8) && has("decode", 16));
  EXPECT_TRUE(has("prefill", 1) && has("verify", 4) && has("mixed", 5));
}

TEST(ProfileCheckTest, TheErrorIsTheMedianOfTheErrorsSizes) {
  CheckReport report;
  for (const double composed_ms : {9.0, 13.0, 10.0}) {
    report.steps.push_back({"decode", {{1, 0}}, 10, composed_ms});
  }
  EXPECT_NEAR(report.MedianError(), 0.1, 1e-12);
  EXPECT_NEAR(report.LargestError(), 0.3, 1e-12);
}

}  // namespace
}  // namespace hat
