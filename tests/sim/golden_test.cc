// One small run, every event of it: tests/golden/hat_events.txt. A change of any number is seen
// here; whether it is right, the other tests say. HAT_UPDATE_GOLDEN=1 writes the file again.
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/files.h"
#include "tests/sim/child_run.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

constexpr char kGolden[] = "tests/golden/hat_events.txt";

// 4 requests of up to 150 tokens at 3 devices, two stages: chunks, drafts, drafting ahead, batches
// of several requests.
std::string EventsOfOneRun() {
  Toy toy;
  toy.Write("prompts.csv", "prompt_tokens\n20\n150\n90\n5\n");
  return RunInChild(
             toy.Load({"fleet.class.0.count=3", "cloud.stages=2", "workload.arrivals=poisson",
                       "workload.rate_per_s=40", "workload.requests=4", "workload.outputs.tokens=8",
                       "workload.prompts={kind=\"csv\",path=\"prompts.csv\"}"}))
      .log;
}

TEST(GoldenTest, TheEventsOfASmallRunHaveNotMoved) {
  const std::string events = EventsOfOneRun();
  if (std::getenv("HAT_UPDATE_GOLDEN") != nullptr) WriteFileAtomically(kGolden, events);
  EXPECT_EQ(ReadFile(kGolden), events)
      << "if the change is meant: HAT_UPDATE_GOLDEN=1, and say why in CHANGES.md";
}

}  // namespace
}  // namespace hat
