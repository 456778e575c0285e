#include "profiles/profile.h"

#include <limits>

#include "tests/core/expect_error.h"
#include "tests/profiles/sample_profiles.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(DeviceProfileTest, InputIsTheEmbeddingPlusItsLayers) {
  const DeviceProfile profile(SampleDevice());
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Input(1, 0, 2)), 1 + 2 * 11);
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Input(32, 50, 3)), 1 + 3 * (10 + 32 + 5));
}

TEST(DeviceProfileTest, DraftWithoutAMeasurementIsInputAdapterAndHead) {
  const DeviceProfile profile(SampleDevice());
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Draft(1, 0, 2)), 23 + 4 + 5);
}

TEST(DeviceProfileTest, MeasuredDraftCountsForItsNumberOfLayersOnly) {
  ProfileData data = SampleDevice();
  data.draft_layers = 2;
  data.operations[Operation::kDraft] = {At(1, 0, {17})};
  const DeviceProfile profile(data);
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Draft(1, 0, 2)), 17);
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Draft(1, 0, 3)), 34 + 4 + 5);
}

TEST(DeviceProfileTest, LimitsAreThoseOfTheNarrowestOperation) {
  const DeviceProfile profile(SampleDevice());
  EXPECT_EQ(profile.max_tokens(), 50);
  EXPECT_EQ(profile.max_context(), 100);
}

TEST(DeviceProfileTest, AllowedExtrapolationHasNoLimits) {
  ProfileData data = SampleDevice();
  data.allow_extrapolation = true;
  const DeviceProfile profile(data);
  EXPECT_EQ(profile.max_tokens(), std::numeric_limits<int>::max());
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Input(1000, 0, 1)), 1 + 1010);
}

TEST(DeviceProfileTest, AnOperationThatTheProfileLacksIsNamed) {
  const DeviceProfile profile(SampleDevice());
  EXPECT_FALSE(profile.has_medusa());
  EXPECT_INPUT_ERROR(profile.Medusa(1),
                     AllOf(HasSubstr("sample_device"), HasSubstr("operations.medusa")));
}

TEST(DeviceProfileTest, ACloudsProfileIsRefused) {
  EXPECT_INPUT_ERROR(DeviceProfile{SampleCloud()}, HasSubstr("'role' must be device"));
  EXPECT_INPUT_ERROR(CloudProfile{SampleDevice()}, HasSubstr("'role' must be cloud"));
}

TEST(DeviceProfileTest, AMissingRequiredOperationIsNamed) {
  ProfileData data = SampleDevice();
  data.operations.erase(Operation::kHead);
  EXPECT_INPUT_ERROR(DeviceProfile{data}, HasSubstr("'operations.head' is missing"));
}

TEST(CloudProfileTest, ALayerIsLinearPlusBasePlusAttentionOfEachSequence) {
  const CloudProfile profile(SampleCloud());
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Linear(51)), 151);
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.AttentionBase()), 3);
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Attention(26, 250)), 52);
}

TEST(CloudProfileTest, AQuantileIsDrawnWhereThereIsASpread) {
  const CloudProfile profile(SampleCloud());
  EXPECT_TRUE(profile.has_spread());
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Linear(1, 1.0)), 111.1);
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Linear(101, 1.0)), 201);
  EXPECT_DOUBLE_EQ(ToMicroseconds(profile.Linear(51, 1.0)), (111.1 + 201) / 2);
}

TEST(CloudProfileTest, LimitsOfABatchAndOfASequenceDiffer) {
  const CloudProfile profile(SampleCloud());
  EXPECT_EQ(profile.max_tokens(), 101);
  EXPECT_EQ(profile.max_sequence_tokens(), 51);
  EXPECT_EQ(profile.max_context(), 500);
}

TEST(CloudProfileTest, EmbeddingAndHeadAreNeededForCloudOnlyAlone) {
  const CloudProfile profile(SampleCloud());
  EXPECT_FALSE(profile.has_embedding_and_head());
  EXPECT_INPUT_ERROR(profile.Head(1), HasSubstr("operations.head"));
}

TEST(CloudProfileTest, AttentionMayBeFreeButLinearMayNot) {
  ProfileData data = SampleCloud();
  data.operations[Operation::kAttentionBase] = {At(1, 0, {0})};
  EXPECT_EQ(CloudProfile(data).AttentionBase(), Seconds(0));
  data.operations[Operation::kLinear] = {At(1, 0, {0})};
  EXPECT_INPUT_ERROR(CloudProfile{data}, HasSubstr("'operations.linear': points[0] must be"));
}

TEST(CloudProfileTest, TheAttentionBaseIsAtOneTokenAndNoContext) {
  ProfileData data = SampleCloud();
  data.operations[Operation::kAttentionBase] = {At(2, 0, {3})};
  EXPECT_INPUT_ERROR(CloudProfile{data},
                     HasSubstr("'operations.a0' must have the point tokens 1, context 0"));
}

}  // namespace
}  // namespace hat
