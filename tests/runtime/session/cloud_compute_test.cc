// The cloud's caches: as many as there are sessions, and none of those that have closed.
#include "runtime/session/cloud_compute.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "runtime/session/states.h"
#include "tests/core/expect_error.h"
#include "tests/runtime/model/tiny_model.h"
#include "world/memory_world.h"

namespace hat {
namespace {

using testing::HasSubstr;

class LiveCloudComputeTest : public testing::Test {
 protected:
  // `tokens` positions of the session from `first` on, through both stages.
  void Run(SessionId session, int first, int tokens) {
    for (int stage = 0; stage < 2; ++stage) {
      BatchPart part;
      part.session.number = session;
      part.first_position = first;
      part.tokens = tokens;
      part.states = EncodeStates(at::ones({tokens, cloud_.wire.hidden}, at::kDouble),
                                 stage == 0 ? cloud_.wire : cloud_.between);
      Batch batch;
      batch.parts.push_back(part);
      compute_.RunStage(stage, batch);
    }
  }
  // RunStage may wait on the world's clock, which only its activities may.
  void InWorld(const std::function<void()>& body) {
    world_.Start("test", body);
    world_.Run();
  }

  MemoryWorld world_;
  const Model model_ = TinyModel(4);
  const CloudModel cloud_{model_, 0, 2, kExact, Dtype::kFloat32};
  ConstantPace pace_;
  LiveCloudCompute compute_{cloud_, 20, world_, pace_};
};

TEST_F(LiveCloudComputeTest, ClosedSessionsTakeNoMemory) {
  InWorld([&] {
    for (SessionId session = 0; session < 3; ++session) Run(session, 0, 4);
    EXPECT_EQ(compute_.sessions(), 3u);
    compute_.Forget({0, 1});
    EXPECT_EQ(compute_.sessions(), 2u);
    Run(0, 4, 1);
    EXPECT_INPUT_ERROR(Run(1, 4, 1), HasSubstr("where 0 are known"));
    for (SessionId session = 0; session < 3; ++session) compute_.Forget({0, session});
    EXPECT_EQ(compute_.sessions(), 0u);
  });
}

TEST_F(LiveCloudComputeTest, ABatchLastsAsItsPaceSays) {
  ConstantPace slow(Milliseconds(2), Milliseconds(0.5));
  LiveCloudCompute compute(cloud_, 20, world_, slow);
  InWorld([&] {
    Batch batch;
    batch.tokens = 4;
    batch.parts.emplace_back();
    batch.parts[0].tokens = 4;
    batch.parts[0].states =
        EncodeStates(at::ones({4, cloud_.wire.hidden}, at::kDouble), cloud_.wire);
    compute.RunStage(0, batch);
  });
  EXPECT_NEAR(ToMilliseconds(world_.Now()), 4, 1e-9);
}

}  // namespace
}  // namespace hat
