#include "world/compute_queue.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "world/memory_world.h"

namespace hat {
namespace {

using testing::ElementsAre;

class ComputeQueueTest : public testing::Test {
 protected:
  void Tell(const std::string& who, const Span& span) {
    told_.push_back(fmt::format("{}: {:.0f} {:.0f} {:.0f}", who, ToMilliseconds(span.requested),
                                ToMilliseconds(span.start), ToMilliseconds(span.end)));
  }
  // An activity that asks at `at_ms`.
  void At(double at_ms, std::function<void()> body) {
    world_.Start("session", [this, at_ms, body = std::move(body)] {
      world_.SleepUntil(Milliseconds(at_ms));
      body();
    });
  }
  void Operation(const std::string& who, double at_ms, double lasts_ms) {
    At(at_ms, [=, this] { Tell(who, gpu_.Run([=] { return Milliseconds(lasts_ms); })); });
  }
  void Idle(const std::string& who, double at_ms, double gives_up_ms) {
    At(at_ms, [=, this] {
      const bool is_idle = gpu_.WaitUntilIdle([&](Seconds until) {
        world_.SleepUntil(std::min(until, Milliseconds(gives_up_ms)));
        return world_.Now() < Milliseconds(gives_up_ms);
      });
      told_.push_back(fmt::format("{}: {} at {:.0f}", who, is_idle ? "idle" : "gave up",
                                  ToMilliseconds(world_.Now())));
    });
  }

  MemoryWorld world_;
  ComputeQueue gpu_{world_};
  std::vector<std::string> told_;
};

TEST_F(ComputeQueueTest, OperationsRunOneByOneInTheOrderOfAsking) {
  for (int i = 0; i < 3; ++i) Operation(std::to_string(i), i, 10);
  world_.Run();
  EXPECT_THAT(told_, ElementsAre("0: 0 0 10", "1: 1 10 20", "2: 2 20 30"));
}

TEST_F(ComputeQueueTest, TheLatencyIsAskedForAtTheStart) {
  double latency_ms = 10;
  for (const char* who : {"a", "b"}) {
    At(0, [&, who] { Tell(who, gpu_.Run([&] { return Milliseconds(latency_ms); })); });
  }
  world_.CallAt(Milliseconds(5), [&] { latency_ms = 30; });  // a slower power mode
  world_.Run();
  EXPECT_THAT(told_, ElementsAre("a: 0 0 10", "b: 0 10 40"));
}

TEST_F(ComputeQueueTest, WorkTakesItsTurnAndLastsAtLeastWhatItSays) {
  Operation("before", 0, 10);
  At(1, [&] {
    Tell("paced", gpu_.Work([&](Seconds start) {
      EXPECT_NEAR(ToMilliseconds(start), 10, 1e-9);
      world_.SleepUntil(world_.Now() + Milliseconds(2));
      return Milliseconds(5);
    }));
  });
  At(2, [&] {
    Tell("real", gpu_.Work([&](Seconds) {
      world_.SleepUntil(world_.Now() + Milliseconds(7));
      return Seconds(0);
    }));
  });
  Operation("after", 3, 1);
  world_.Run();
  EXPECT_THAT(told_,
              ElementsAre("before: 0 0 10", "paced: 1 10 15", "real: 2 15 22", "after: 3 22 23"));
}

TEST_F(ComputeQueueTest, WorkThatThrowsFreesTheProcessor) {
  At(0, [&] {
    EXPECT_THROW(gpu_.Work([](Seconds) -> Seconds { throw std::runtime_error("no memory"); }),
                 std::runtime_error);
  });
  Operation("after", 0, 1);
  world_.Run();
  EXPECT_THAT(told_, ElementsAre("after: 0 0 1"));
}

TEST_F(ComputeQueueTest, ALatencyThatCannotBeToldFreesTheProcessor) {
  for (int i = 0; i < 2; ++i) {
    At(0, [&] {
      EXPECT_THROW(gpu_.Run([]() -> Seconds { throw std::runtime_error("outside the grid"); }),
                   std::runtime_error);
    });
    Operation(std::to_string(i), 0, 1);
  }
  world_.Run();
  EXPECT_THAT(told_, ElementsAre("0: 0 0 1", "1: 0 1 2"));
  EXPECT_THAT(world_.stuck(), testing::IsEmpty());
}

// Those that wait when it starts: `kind` is what they have in common.
class Joining : public ComputeQueue::Operation {
 public:
  Joining(int kind, double lasts_ms) : kind_(kind), lasts_ms_(lasts_ms) {}
  Seconds Latency() override {
    if (lasts_ms_ < 0) throw std::runtime_error("outside the grid");
    return Milliseconds(lasts_ms_);
  }
  bool Takes(Operation& other) override {
    const auto* joining = dynamic_cast<const Joining*>(&other);
    if (joining == nullptr || joining->kind_ != kind_) return false;
    lasts_ms_ += joining->lasts_ms_;
    return true;
  }

 private:
  int kind_;
  double lasts_ms_;
};

TEST_F(ComputeQueueTest, AnOperationTakesThoseThatWaitWhenItStarts) {
  const auto joining = [this](const char* who, double at_ms, int kind, double lasts_ms) {
    At(at_ms, [=, this] {
      Joining operation(kind, lasts_ms);
      const Span span = gpu_.Run(operation, *world_.MakeSignal());
      Tell(fmt::format("{}{}", who, span.is_joined ? " joined" : ""), span);
    });
  };
  joining("a", 0, 1, 10);
  joining("b", 1, 1, 5);
  joining("c", 2, 2, 7);
  Operation("d", 3, 1);
  joining("e", 4, 1, 3);
  joining("late", 11, 1, 4);
  world_.Run();
  EXPECT_THAT(told_, ElementsAre("a: 0 0 10", "b: 1 10 18", "e joined: 4 10 18", "c: 2 18 25",
                                 "d: 3 25 26", "late: 11 26 30"));
}

TEST_F(ComputeQueueTest, WhatJoinsOneThatFailsFailsToo) {
  Operation("before", 0, 10);
  for (const double lasts_ms : {-10.0, 1.0}) {
    At(1, [=, this] {
      Joining operation(1, lasts_ms);
      EXPECT_THROW(gpu_.Run(operation, *world_.MakeSignal()), std::runtime_error);
    });
  }
  Operation("after", 2, 1);
  world_.Run();
  EXPECT_THAT(told_, ElementsAre("before: 0 0 10", "after: 2 10 11"));
  EXPECT_THAT(world_.stuck(), testing::IsEmpty());
}

TEST_F(ComputeQueueTest, WhoWaitsForIdlenessLetsAllOthersGoFirst) {
  Operation("a", 0, 10);
  Idle("ahead", 1, 100);
  Operation("b", 2, 10);
  Idle("impatient", 3, 15);
  world_.Run();
  EXPECT_THAT(told_, ElementsAre("a: 0 0 10", "impatient: gave up at 15", "b: 2 10 20",
                                 "ahead: idle at 20"));
}

TEST_F(ComputeQueueTest, WorkOfUnknownEndIsWaitedForToo) {
  At(0, [&] {
    gpu_.Work([&](Seconds) {
      world_.SleepUntil(Milliseconds(7.5));
      return Seconds(0);
    });
  });
  Idle("ahead", 0, 100);
  world_.Run();
  EXPECT_THAT(told_, ElementsAre("ahead: idle at 8"));  // it looks each millisecond
}

}  // namespace
}  // namespace hat
