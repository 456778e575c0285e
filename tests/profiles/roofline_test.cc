// The worked numbers of docs/model.md.
#include "profiles/roofline.h"

#include "profiles/modelled_profile.h"
#include "profiles/profile.h"
#include "profiles/profile_report.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Roofline Of(const std::string& hardware, const std::string& model = "vicuna-7b") {
  return Roofline(FindHardware(hardware), FindModelShape(model));
}

void ExpectUs(Seconds time, double us) { EXPECT_NEAR(ToMicroseconds(time), us, 1e-9 * us); }

TEST(RooflineTest, OneTokenReadsTheWeightsOnce) {
  ExpectUs(Of("a6000").Product(202'383'360, 1), 2 * 202'383'360 / 690e9 * 1e6);  // 586.6 us
}

TEST(RooflineTest, ManyTokensAreBoundByCompute) {
  ExpectUs(Of("a6000").Product(202'383'360, 1024),
           2.0 * 202'383'360 * 1024 / 104e12 * 1e6);  // 3985 us
}

TEST(RooflineTest, ComputeRatesAreLinearBetweenTheTablesTokens) {
  // 192 tokens on an A6000: halfway between 77 and 84 TFLOPS.
  ExpectUs(Of("a6000").Product(202'383'360, 192),
           2.0 * 202'383'360 * 192 / 80.5e12 * 1e6);  // 965.4 us
}

TEST(RooflineTest, OrinComputesWholeTilesAboveHalfATile) {
  const Roofline orin = Of("agx-orin", "llama-3-8b");
  const double tile_us = 2.0 * 218'112'000 * 128 / 16e12 * 1e6;  // 3490 us
  ExpectUs(orin.Linear(65), tile_us);
  ExpectUs(orin.Linear(128), tile_us);
  ExpectUs(orin.Linear(129), 2 * tile_us);
  ExpectUs(orin.Linear(64), 2 * 218'112'000 / 156e9 * 1e6);  // bound by memory: 2796 us
}

TEST(RooflineTest, ALayerOnAnA6000AddsItsOverheads) {
  ExpectUs(Of("a6000").Linear(1), 2 * 202'383'360 / 690e9 * 1e6 + 62 + 0.8);  // 649.4 us
}

TEST(RooflineTest, DecodeAttentionReadsTheKvCache) {
  // 705 positions of 16 KiB at 650 GB/s, 2.1 us per sequence and 0.1 us per token.
  ExpectUs(Of("a40").Attention(1, 704), 2.1 + 0.1 + 705 * 16384 / 650e9 * 1e6);  // 19.97 us
}

TEST(RooflineTest, LongPrefillAttentionIsBoundByCompute) {
  // 4 x 4096 x 1024 x (1024 + 128) / 2 operations at 33 TFLOPS, and 0.1 us per token.
  ExpectUs(Of("a40").Attention(1024, 0),
           2.1 + 102.4 + 4.0 * 4096 * 1024 * 576 / 33e12 * 1e6);  // 397.4 us
}

TEST(RooflineTest, AChunkOfOneBlockAttendsToItsWholeSquare) {
  ExpectUs(Of("a40").Attention(96, 2048),
           2.1 + 9.6 + 4.0 * 4096 * 96 * 2144 / 33e12 * 1e6);  // 113.9 us
}

TEST(RooflineTest, GroupedQueriesSaveReadsExceptOnTheA6000) {
  const double read_us = 1025.0 * 4096 / 650e9 * 1e6;
  ExpectUs(Of("a40", "llama-3-8b").Attention(1, 1024), 2.2 + read_us);
  ExpectUs(Of("a6000", "llama-3-8b").Attention(1, 1024), 2.2 + 4 * read_us * 650 / 717);
}

TEST(RooflineTest, HeadAdapterAndMedusaFollowTheirWeights) {
  const Roofline xavier = Of("agx-xavier");
  ExpectUs(xavier.Head(1), 2 * 131'072'000 / 100e9 * 1e6 + 10);            // 2631 us
  ExpectUs(xavier.Adapter(1, 0), 2 * 67'108'864 / 100e9 * 1e6 + 0.16384);  // 1342 us
  ExpectUs(xavier.Medusa(1), 2 * 591'413'248 / 100e9 * 1e6 + 40);          // 11868 us
  ExpectUs(xavier.Embedding(100), 10 + 100 * 4 * 4096 / 100e9 * 1e6);      // 26.4 us
}

TEST(RooflineTest, PowerModesScaleWithTheirPeaks) {
  const Roofline full = Of("agx-xavier:maxn");
  const Roofline saving = Of("agx-xavier:10w");
  EXPECT_NEAR(saving.Linear(1) / full.Linear(1), 136.5 / 68, 1e-12);
  EXPECT_NEAR(saving.Linear(1024) / full.Linear(1024), 11.3 / 2.1, 1e-12);
}

TEST(RooflineTest, VicunaOnAnA6000TakesTheTimeOfThePublishedCheck) {
  const CloudProfile small(
      ModelProfile(FindHardware("a6000"), FindModelShape("vicuna-7b"), Role::kCloud));
  const CloudProfile large(
      ModelProfile(FindHardware("a6000"), FindModelShape("vicuna-13b"), Role::kCloud));
  EXPECT_NEAR(ToMilliseconds(WholeModelPass(small, 1, 0)), 21.4, 0.05);
  EXPECT_NEAR(ToMilliseconds(WholeModelPass(large, 1, 0)), 40.1, 0.05);
}

TEST(RooflineTest, ADraftStepOfVicunaOnADeviceIsItsWeightsOverTheBandwidth) {
  const DeviceProfile orin(
      ModelProfile(FindHardware("agx-orin"), FindModelShape("vicuna-7b"), Role::kDevice));
  // Two layers, adapter, head: 603 M weights at 156 GB/s, two launches, three times the cache of
  // one position.
  const double us =
      2 * (2 * 202'383'360.0 + 67'108'864 + 131'072'000) / 156e3 + 20 + 3 * 0.105 + 0.105;
  EXPECT_NEAR(ToMicroseconds(orin.Draft(1, 0, 2)), us, 0.1);  // 7.75 ms
}

TEST(HardwareTest, UnknownNamesListTheKnownOnes) {
  EXPECT_INPUT_ERROR(FindHardware("b200"),
                     AllOf(HasSubstr("'b200'"), HasSubstr("agx-xavier, agx-orin")));
  EXPECT_INPUT_ERROR(FindHardware("agx-orin:20w"), HasSubstr("agx-orin has: maxn, 50w, 30w, 15w"));
  EXPECT_INPUT_ERROR(FindHardware("a6000:maxn"), HasSubstr("a6000 has: none"));
  EXPECT_INPUT_ERROR(FindHardware("a6000:"), HasSubstr("a6000 has: none"));
}

TEST(HardwareTest, WithoutAModeTheFirstIsTaken) {
  EXPECT_EQ(FindHardware("agx-orin").Id(), "agx-orin-maxn");
  EXPECT_EQ(FindHardware("a6000").Id(), "a6000");
}

TEST(HardwareTest, EveryPresetSaysWhatItRestsOn) {
  for (const Hardware& hardware : HardwareTable())
    EXPECT_FALSE(hardware.source.empty()) << hardware.name;
}

TEST(RoleTest, AnotherWordIsRefused) {
  EXPECT_EQ(ParseRole("device", "--role"), Role::kDevice);
  EXPECT_EQ(ParseRole("cloud", "--role"), Role::kCloud);
  EXPECT_INPUT_ERROR(ParseRole("edge", "--role"),
                     HasSubstr("--role must be device or cloud, got 'edge'"));
}

TEST(OperationTest, EachClassOfLayersHasItsOwn) {
  EXPECT_THAT(NamesOf(OperationsOf(Role::kDevice).all()),
              ElementsAre("embedding", "layer", "head", "adapter", "medusa", "draft"));
  EXPECT_THAT(NamesOf(OperationsOf(Role::kDevice, 2).required),
              ElementsAre("embedding", "layer", "head", "layer/1"));
  EXPECT_THAT(NamesOf(OperationsOf(Role::kCloud, 3).required),
              ElementsAre("linear", "a0", "attention", "linear/1", "a0/1", "attention/1",
                          "linear/2", "a0/2", "attention/2"));
}

// Vicuna-7B whose layers 2 to 4 have lost half of their heads and two thirds of their FFN.
ModelShape HalfPruned() {
  ModelShape shape = FindModelShape("vicuna-7b");
  shape.layers.resize(6, shape.layers[0]);
  for (const size_t i : {2, 3, 4}) shape.layers[i] = {16, 16, 128, 3669};
  return shape;
}

TEST(PrunedModelTest, ItsProfilesCostIsTheSumOfItsLayers) {
  const HardwareMode hardware = FindHardware("a6000");
  const ModelShape mixed = HalfPruned();
  const ModelShape wide = LikeLayers("wide", 4096, 3, mixed.layers[0], 32000, false);
  const ModelShape narrow = LikeLayers("narrow", 4096, 3, mixed.layers[2], 32000, false);
  const auto device = [&](const ModelShape& shape) {
    return DeviceProfile(ModelProfile(hardware, shape, Role::kDevice));
  };
  const Seconds embedding = device(mixed).Embedding(16);
  const Seconds wide_layer = device(wide).Input(16, 512, 1) - embedding;
  const Seconds narrow_layer = device(narrow).Input(16, 512, 1) - embedding;
  EXPECT_LT(narrow_layer / wide_layer, 0.6);
  ExpectUs(device(mixed).Input(16, 512, 4) - embedding,
           ToMicroseconds(2 * wide_layer + 2 * narrow_layer));

  const auto cloud = [&](const ModelShape& shape) {
    return CloudProfile(ModelProfile(hardware, shape, Role::kCloud));
  };
  const std::vector<BatchedSequence> batch = {{1, 700}, {64, 0}};
  const std::vector<int> stage = mixed.LayersOfClasses(1, 6);  // 2 wide ones, 3 narrow ones
  ExpectUs(cloud(mixed).Layers(stage, batch),
           ToMicroseconds(2 * cloud(wide).Layer(batch) + 3 * cloud(narrow).Layer(batch)));
}

TEST(PrunedModelTest, ItsProfileReadsBackAsItWasWritten) {
  for (const Role role : {Role::kDevice, Role::kCloud}) {
    const ProfileData data = ModelProfile(FindHardware("a6000"), HalfPruned(), role);
    const std::string text = ProfileText(data);
    const ProfileData read = ParseProfile(text, "mixed.json");
    EXPECT_EQ(read.info.model, data.info.model);
    EXPECT_EQ(ProfileText(read), text);
    const std::string layer = role == Role::kDevice ? "layer/1" : "attention/1";
    EXPECT_THAT(text, HasSubstr("\"" + layer + "\""));
    std::string without = text;
    without.replace(without.find(layer), layer.size(), layer + "1");
    EXPECT_INPUT_ERROR(ParseProfile(without, "mixed.json"),
                       HasSubstr("unknown key 'operations." + layer + "1'"));
  }
}

}  // namespace
}  // namespace hat
