// Drafters other than HAT's adapter are additions: another ChainDrafter beside the same input
// layers and the same verifier.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "tests/protocol/rig.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::Pair;

// Of n-grams of the text: it finds two tokens that followed before, and takes no GPU for it.
class NgramDrafter : public ChainDrafter {
 public:
  std::optional<Span> ReadPrompt(int) override { return std::nullopt; }
  bool computes_states() const override { return false; }
  Step RunStep() override { return {.confidence = ++steps_ % 3 == 0 ? 0.1f : 0.9f}; }

 private:
  int steps_ = 0;  // two that are found, then one that is not
};

class NgramDevice : public DeviceCompute {
 public:
  explicit NgramDevice(std::unique_ptr<DeviceCompute> device) : device_(std::move(device)) {}
  InputCompute& input() override { return device_->input(); }
  Verifier& verifier() override { return device_->verifier(); }
  ChainDrafter& chain_drafter() override { return drafter_; }
  TreeDrafter& tree_drafter() override { return device_->tree_drafter(); }

 private:
  std::unique_ptr<DeviceCompute> device_;
  NgramDrafter drafter_;
};

std::map<std::string, int> CountsOf(const Record& record) {
  std::map<std::string, int> counts;
  for (const DeviceOpEvent& op : record.OpsOf(0)) ++counts[std::string(Name(op.op))];
  return counts;
}

TEST(AddingADrafterTest, OneThatComputesNoStatesHasItsChainRunThroughTheInputAtOnce) {
  RigOptions options;
  options.system = FindSystem("hat");
  options.system.chunking = "none";
  options.drafter = [](int, int, int step) { return Proposal{0, step == 1 ? 1 : 2}; };
  options.change_compute = [](std::unique_ptr<FakeDeviceCompute> device) {
    return std::make_unique<NgramDevice>(std::move(device));
  };
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 30, 9));
  rig.Run();
  EXPECT_EQ(RoundsOf(rig.record, 0), (std::vector<ExpectedRound>{{2, 1}, {2, 1}, {2, 1}, {1, 1}}));
  EXPECT_THAT(CountsOf(rig.record), ElementsAre(Pair("head", 5), Pair("input", 5)));
  const auto ops = rig.record.OpsOf(0);
  EXPECT_EQ(ops[2].tokens, 3);
  EXPECT_EQ(ops[2].context, 30);
  EXPECT_EQ(rig.record.FramesOf(Direction::kUp, FrameKind::kVerify)[0].header.count, 3);
}

// An early exit proposes from the device's own layers: it has nothing that must read the prompt.
TEST(AddingADrafterTest, OneThatDoesNotReadThePromptHasHatsRounds) {
  RigOptions options;
  options.system = FindSystem("hat");
  options.drafter_reads_prompt = false;
  Rig rig(options);
  const Request request = MakeRequest(0, 30, 40);
  rig.Arrive(request);
  rig.Run();
  EXPECT_EQ(RoundsOf(rig.record, 0), ExpectedRounds(options, request));
  EXPECT_FALSE(CountsOf(rig.record).contains("adapter"));
}

}  // namespace
}  // namespace hat
