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
      part.states = EncodeStates(at::ones({tokens, cloud_.hidden}, at::kDouble),
                                 stage == 0 ? Dtype::kFloat32 : kExact.dtype);
      Batch batch;
      batch.parts.push_back(part);
      compute_.RunStage(stage, batch);
    }
  }
  // RunStage waits on the world's clock, which only its activities may.
  void InWorld(const std::function<void()>& body) {
    world_.Start("test", body);
    world_.Run();
  }

  MemoryWorld world_;
  const Model model_ = TinyModel(4);
  const CloudModel cloud_{model_, 0, 2, kExact, Dtype::kFloat32};
  LiveCloudCompute compute_{cloud_, 20, world_};
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

}  // namespace
}  // namespace hat
