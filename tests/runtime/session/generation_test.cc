#include <gmock/gmock.h>

#include <limits>
#include <numeric>
#include <span>

#include "runtime/session/states.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/session/drafts.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::Each;
using testing::HasSubstr;
using testing::SizeIs;

class GenerationTest : public testing::Test {
 protected:
  GenerationTest() {
    ModelConfig config = TinyConfig(8);
    config.shape.vocabulary = 12;
    config.shape.layers.resize(4, config.shape.layers[0]);
    config.max_positions = 60;
    model_ = Damped(RandomModel(config, 8), 2, 0.1);
    WriteMildAdapter(folder_ / "adapter", model_, 2);
  }

  SplitOptions Options(const std::string& system) const {
    SplitOptions options;
    options.plan.compute = kExact;
    options.system = FindSystem(system);
    options.system.options.draft_threshold = 0.2;
    options.adapter = folder_ / "adapter";
    options.medusa = "random:5";
    return options;
  }

  const TempFolder folder_;
  Model model_;
  const GenerationRequest request_{RandomIds(8, 7, 12), 40};
};

TEST_F(GenerationTest, AnEndOfTextTokenEndsItEverywhereAndWhatIsBehindIsNotAccepted) {
  const std::vector<int32_t> all =
      WholeModel(model_, Options("hat").plan).Generate(request_).output_ids;
  for (size_t end = 0; end < all.size(); end += 3) {
    const auto first = static_cast<size_t>(std::ranges::find(all, all[end]) - all.begin());
    const std::vector<int32_t> expected(all.begin(), all.begin() + static_cast<long>(first) + 1);
    model_.config.eos_tokens = {99, all[end]};
    EXPECT_EQ(WholeModel(model_, Options("hat").plan).Generate(request_).output_ids, expected);
    for (const char* system : {"u-shape", "hat", "u-medusa"}) {
      const Generation generation = SplitModel(model_, Options(system)).Generate(request_);
      EXPECT_EQ(generation.output_ids, expected) << system;
      size_t tokens = 1;
      for (const RoundEvent& round : generation.rounds) {
        tokens += 1 + static_cast<size_t>(round.accepted);
      }
      EXPECT_EQ(tokens, expected.size()) << system;
    }
  }
}

TEST_F(GenerationTest, OneSessionsEndOfTextLeavesTheOthersAlone) {
  WholeModel whole(model_, Options("hat").plan);
  const std::vector<GenerationRequest> requests = {
      request_, {RandomIds(9, 11, 12), 30}, {RandomIds(10, 3, 12), 35}};
  model_.config.eos_tokens = {whole.Generate(request_).output_ids[5]};
  const std::vector<Generation> generations = SplitModel(model_, Options("hat")).Generate(requests);
  ASSERT_THAT(generations, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(generations[i].output_ids,
              WholeModel(model_, Options("hat").plan).Generate(requests[i]).output_ids);
  }
}

TEST_F(GenerationTest, TokensAreToldAsTheyAreOut) {
  std::vector<int32_t> told;
  int calls = 0;
  const auto listen = [&](int request, std::span<const int32_t> tokens) {
    EXPECT_EQ(request, 0);
    told.insert(told.end(), tokens.begin(), tokens.end());
    ++calls;
  };
  const Generation generation = SplitModel(model_, Options("hat")).Generate(request_, listen);
  EXPECT_EQ(told, generation.output_ids);
  EXPECT_EQ(calls, static_cast<int>(generation.rounds.size()) + 1);
  EXPECT_DOUBLE_EQ(generation.AcceptLength(), 39.0 / static_cast<double>(calls - 1));

  told.clear();
  const Generation whole = WholeModel(model_, Options("hat").plan).Generate(request_, listen);
  EXPECT_EQ(told, whole.output_ids);
  EXPECT_EQ(whole.AcceptLength(), 0);
}

TEST_F(GenerationTest, ARequestThatDoesNotFitTheModelIsRefused) {
  SplitModel split(model_, Options("hat"));
  WholeModel whole(model_, Options("hat").plan);
  const auto refuses = [&](const GenerationRequest& request, const std::string& words) {
    EXPECT_INPUT_ERROR(split.Generate(request), HasSubstr(words));
    EXPECT_INPUT_ERROR(whole.Generate(request), HasSubstr(words));
  };
  refuses({{}, 3}, "the prompt is empty");
  refuses({{1, 12}, 3}, "token id 12 of the prompt is outside the vocabulary, 0 to 11");
  refuses({{-1}, 3}, "token id -1");
  refuses({std::vector<int32_t>(61, 1), 1}, "the prompt has 61 tokens; the model has 60 positions");
  refuses({std::vector<int32_t>(50, 1), 12}, "room for 1 to 11 new tokens");
  refuses({{1}, 0}, "not for 0");
  EXPECT_THAT(split.Generate({std::vector<int32_t>(50, 1), 11}).output_ids, SizeIs(11));
}

TEST_F(GenerationTest, PartsThatContradictEachOtherAreRefused) {
  SplitOptions options = Options("hat");
  for (const int split : {0, 4, 5, -1}) {
    options.plan.split = split;
    EXPECT_INPUT_ERROR(SplitModel(model_, options), HasSubstr("the device can have 1 to 3"));
    EXPECT_INPUT_ERROR(WholeModel(model_, options.plan), HasSubstr("the device can have 1 to 3"));
  }
  EXPECT_INPUT_ERROR(SplitModel(model_, Options("cloud-only")), HasSubstr("is not split"));
  options = Options("hat");
  options.plan.split = 1;
  EXPECT_INPUT_ERROR(SplitModel(model_, options), HasSubstr("trained for a split of 2"));
  options = Options("hat");
  options.adapter = folder_ / "missing";
  EXPECT_INPUT_ERROR(SplitModel(model_, options), HasSubstr("missing"));
  model_.config.shape.vocabulary = 3;
  options = Options("u-medusa");
  options.system.options.tree = "full-4-2";
  EXPECT_INPUT_ERROR(SplitModel(RandomModel(model_.config, 1), options),
                     HasSubstr("larger vocabulary than 3"));
}

TEST_F(GenerationTest, AStateThatTheWireCannotHoldEndsTheRunWithARunError) {
  model_ = Damped(model_, 0, 1e6);
  SplitOptions options = Options("u-shape");
  EXPECT_THAT(SplitModel(model_, options).Generate(request_).output_ids, SizeIs(40));
  options.plan.wire = Dtype::kFloat16;
  SplitModel narrow(model_, options);
  EXPECT_RUN_ERROR(narrow.Generate(request_),
                   AllOf(HasSubstr("not finite in fp16"), HasSubstr("--wire-dtype")));
}

TEST_F(GenerationTest, AVocabularyOfOneTokenIsNoSpecialCase) {
  model_.config.shape.vocabulary = 1;
  model_ = RandomModel(model_.config, 3);
  for (const char* system : {"u-shape", "hat", "u-medusa"}) {
    SplitOptions options = Options(system);
    options.adapter = "random:1";
    EXPECT_EQ(SplitModel(model_, options).Generate({{0, 0}, 9}).output_ids,
              std::vector<int32_t>(9, 0));
  }
}

TEST(StatesTest, TheyCrossACutRoundedToItsDtype) {
  const at::Tensor states = at::randn({3, 5}, at::kDouble);
  for (const Dtype wire : {Dtype::kFloat32, Dtype::kFloat16, Dtype::kBfloat16}) {
    const StateFormat format(wire, 5);
    const States bytes = EncodeStates(states, format);
    EXPECT_THAT(bytes, SizeIs(15 * static_cast<size_t>(BytesPerValue(wire))));
    const at::Tensor there = DecodeStates(bytes, format, kExact);
    EXPECT_TRUE(there.equal(RoundToWire(states, wire)));
    EXPECT_FALSE(there.equal(states));
  }
  const StateFormat fp32(Dtype::kFloat32, 5);
  EXPECT_INPUT_ERROR(DecodeStates(States(7), fp32, kExact), HasSubstr("7 bytes"));
  EXPECT_INPUT_ERROR(DecodeStates({}, fp32, kExact), HasSubstr("0 bytes"));
}

// Five fp32 values in a frame of 16 fp16 ones.
TEST(StatesTest, InALargerModelsFrameZerosFollowThem) {
  const at::Tensor states = at::randn({3, 5}, at::kFloat);
  const StateFormat format(Dtype::kFloat32, 5, 32);
  States bytes = EncodeStates(states, format);
  ASSERT_THAT(bytes, SizeIs(3 * 32));
  EXPECT_THAT(std::span(bytes).subspan(32 + 20, 12), Each(std::byte{0}));
  bytes[31] = std::byte{0xff};  // not looked at
  RequireFinite(bytes, format);
  EXPECT_TRUE(DecodeStates(bytes, format, {Dtype::kFloat32, "cpu"}).equal(states));
  EXPECT_INPUT_ERROR(DecodeStates(States(20), format, kExact), HasSubstr("each has 32"));

  const at::Tensor broken = states.clone();
  broken[2][4] = std::numeric_limits<float>::infinity();
  EXPECT_RUN_ERROR(RequireFinite(EncodeStates(broken, format), format), HasSubstr("not finite"));
  EXPECT_INPUT_ERROR(StateFormat(Dtype::kFloat32, 5, 16), HasSubstr("at least 20 bytes"));
  EXPECT_INPUT_ERROR(StateFormat(Dtype::kFloat32, 5, 22), HasSubstr("whole values"));
}

TEST(StatesTest, TheWireCarriesAComputationsTypeOrFp32) {
  for (const Dtype dtype : kWireDtypes) EXPECT_EQ(WireDtypeFor(dtype), dtype);
  EXPECT_EQ(WireDtypeFor(Dtype::kFloat64), Dtype::kFloat32);
}

TEST(NearTieTest, HowCloseCountsDependsOnTheCoarsestDtype) {
  const NearTieRule exact(Dtype::kFloat64, Dtype::kFloat32, 0.6);
  EXPECT_TRUE(exact.IsNear(10, 10 - 0.9e-3));
  EXPECT_FALSE(exact.IsNear(10, 10 - 1.1e-3));
  EXPECT_TRUE(exact.IsNear(-10, -10 - 0.9e-3));
  EXPECT_TRUE(exact.IsNear(0, 0));
  EXPECT_TRUE(NearTieRule(Dtype::kFloat32, Dtype::kFloat16, 0).IsNear(10, 10 - 0.9e-2));
  EXPECT_FALSE(NearTieRule(Dtype::kFloat32, Dtype::kFloat16, 0).IsNear(10, 10 - 1.1e-2));
  EXPECT_TRUE(NearTieRule(Dtype::kBfloat16, Dtype::kFloat32, 0).IsNear(10, 10 - 0.9e-1));
  EXPECT_TRUE(exact.IsNearThreshold(0.59995));
  EXPECT_FALSE(exact.IsNearThreshold(0.5998));
}

}  // namespace
}  // namespace hat
