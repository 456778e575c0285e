// The in-memory world keeps the World port's promises.
#include "world/memory_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "world/channel.h"
#include "world/fiber.h"
#include "world/guarded_world.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A fiber with a stack of its own.
struct Alone {
  explicit Alone(std::function<void()> body) : fiber(std::move(body), stacks.Take()) {}
  StackPool stacks{size_t{64} << 10};
  Fiber fiber;
};

int Sum(int n) { return n == 0 ? 0 : n + Sum(n - 1); }

TEST(FiberTest, RunsByTurnsAndKeepsItsStack) {
  std::vector<int> log;
  Fiber* self = nullptr;
  Alone alone([&] {
    std::vector<int> local(1000, 1);
    log.push_back(Sum(100));
    self->Yield();
    log.push_back(static_cast<int>(local.size()));
  });
  Fiber& fiber = alone.fiber;
  self = &fiber;
  fiber.Resume();
  EXPECT_FALSE(fiber.has_ended());
  log.push_back(-1);
  fiber.Resume();
  EXPECT_TRUE(fiber.has_ended());
  EXPECT_THAT(log, ElementsAre(5050, -1, 1000));
}

TEST(FiberTest, ExceptionsAreCaughtWithinIt) {
  std::string caught;
  Fiber* self = nullptr;
  Alone alone([&] {
    try {
      self->Yield();
      throw std::runtime_error("inside");
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
  });
  Fiber& fiber = alone.fiber;
  self = &fiber;
  fiber.Resume();
  fiber.Resume();
  EXPECT_EQ(caught, "inside");
}

TEST(FiberTest, AThousandAtOnceEachHaveTheirOwnStack) {
  StackPool stacks(size_t{64} << 10);
  std::vector<std::unique_ptr<Fiber>> fibers;
  int sum = 0;
  for (int i = 0; i < 1000; ++i) {
    fibers.push_back(std::make_unique<Fiber>(
        [&, i] {
          const int before = Sum(i);
          fibers[static_cast<size_t>(i)]->Yield();
          sum += before == Sum(i);
        },
        stacks.Take()));
  }
  for (auto& fiber : fibers) fiber->Resume();
  for (auto& fiber : fibers) fiber->Resume();
  EXPECT_EQ(sum, 1000);
}

TEST(MemoryWorldTest, SleepingTakesVirtualTimeOnly) {
  MemoryWorld world;
  std::vector<double> woke;
  world.Start("late", [&] {
    world.SleepUntil(Seconds(1e6));
    woke.push_back(world.Now().value());
    world.SleepUntil(Seconds(5));  // has passed
    woke.push_back(world.Now().value());
  });
  world.Start("early", [&] {
    world.SleepUntil(Seconds(3));
    woke.push_back(world.Now().value());
  });
  world.Run();
  EXPECT_THAT(woke, ElementsAre(3, 1e6, 1e6));
}

TEST(MemoryWorldTest, CallbacksOfOneInstantRunInOrderAndBeforeAnyActivity) {
  MemoryWorld world;
  std::vector<std::string> log;
  world.Start("sleeper", [&] {
    world.SleepUntil(Seconds(1));
    log.push_back("activity");
  });
  world.Start("caller", [&] {
    world.CallAt(Seconds(1), [&] { log.push_back("first"); });
    world.CallAt(Seconds(1), [&] { log.push_back("second"); });
    world.CallAt(Seconds(-1), [&] { log.push_back("passed"); });
    log.push_back("not from within the call");
  });
  world.Run();
  EXPECT_THAT(log,
              ElementsAre("not from within the call", "passed", "first", "second", "activity"));
}

TEST(MemoryWorldTest, SettleWaitsForWholeChainsOfTheSameInstant) {
  MemoryWorld world;
  std::vector<std::string> log;
  Channel<int> first(world), second(world);
  world.Start("settler", [&] {
    world.SleepUntil(Seconds(1));
    world.Settle();
    log.push_back("settled");
  });
  world.Start("a", [&] {
    first.Pop();
    world.CallAt(world.Now(), [&] { second.Push(1); });
  });
  world.Start("b", [&] {
    second.Pop();
    world.CallAt(world.Now(), [&] { log.push_back("end of the chain"); });
  });
  world.CallAt(Seconds(1), [&] { first.Push(1); });
  world.Run();
  EXPECT_THAT(log, ElementsAre("end of the chain", "settled"));
  EXPECT_EQ(world.Now(), Seconds(1));
}

TEST(MemoryWorldTest, ARaiseBeforeTheWaitIsNotLostAndSeveralCountAsOne) {
  MemoryWorld world;
  const auto signal = world.MakeSignal();
  std::vector<bool> raised;
  world.Start("waiter", [&] {
    signal->Raise();
    signal->Raise();
    signal->Wait();
    raised.push_back(signal->WaitUntil(Seconds(2)));
    raised.push_back(world.Now() == Seconds(2));
  });
  world.Run();
  EXPECT_THAT(raised, ElementsAre(false, true));
}

TEST(MemoryWorldTest, AnActivityThatWaitsForNothingIsStuckAndNamed) {
  MemoryWorld world;
  {
    const auto signal = world.MakeSignal();
    world.Start("ends", [] {});
    world.Start("hangs", [&] { signal->Wait(); });
    world.Run();
    EXPECT_THAT(world.stuck(), ElementsAre("hangs"));
    signal->Raise();
    world.Run();
  }
  EXPECT_THAT(world.stuck(), IsEmpty());
}

TEST(MemoryWorldTest, ADeadlineEndsOnlyItsOwnWait) {
  MemoryWorld world;
  const auto signal = world.MakeSignal();
  world.Start("waiter", [&] {
    world.CallAt(Seconds(1), [&] { signal->Raise(); });
    EXPECT_TRUE(signal->WaitUntil(Seconds(10)));
    EXPECT_FALSE(signal->WaitUntil(Seconds(20)));
    EXPECT_EQ(world.Now(), Seconds(20));
  });
  world.Run();
}

TEST(MemoryWorldTest, ASignalMayDieBeforeItsDeadline) {
  MemoryWorld world;
  world.Start("short", [&] {
    const auto signal = world.MakeSignal();
    world.CallAt(Seconds(1), [&] { signal->Raise(); });
    EXPECT_TRUE(signal->WaitUntil(Seconds(10)));
  });
  world.Run();
}

TEST(ChannelTest, IsAFifoThatBlocksItsReader) {
  MemoryWorld world;
  Channel<int> channel(world);
  std::vector<std::pair<int, double>> got;
  world.Start("reader", [&] {
    for (int i = 0; i < 3; ++i) {
      const int item = channel.Pop();
      got.emplace_back(item, world.Now().value());
    }
    EXPECT_FALSE(channel.TryPop());
  });
  world.CallAt(Seconds(1), [&] { channel.Push(7); });
  world.CallAt(Seconds(2), [&] { channel.Push(8), channel.Push(9); });
  world.Run();
  EXPECT_THAT(got, ElementsAre(std::pair(7, 1.0), std::pair(8, 2.0), std::pair(9, 2.0)));
}

TEST(ChannelTest, WaitUntilTakesNothingAndEndsAtTheDeadline) {
  MemoryWorld world;
  Channel<int> channel(world);
  world.Start("reader", [&] {
    EXPECT_FALSE(channel.WaitUntil(Seconds(1)));
    EXPECT_EQ(world.Now(), Seconds(1));
    EXPECT_TRUE(channel.WaitUntil(Seconds(5)));
    EXPECT_EQ(world.Now(), Seconds(3));
    EXPECT_TRUE(channel.WaitUntil(Seconds(0)));
    EXPECT_EQ(channel.TryPop(), 1);
    EXPECT_FALSE(channel.WaitUntil(world.Now()));
  });
  world.CallAt(Seconds(3), [&] { channel.Push(1); });
  world.Run();
}

TEST(MemoryWorldTest, WhatGoesFirstGoesBeforeAllThatIsDueThen) {
  MemoryWorld world;
  std::vector<std::string> log;
  world.CallAt(Seconds(1), [&] { log.push_back("in order"); });
  world.CallFirstAt(Seconds(1), [&] { log.push_back("first"); });
  world.CallFirstAt(Seconds(1), [&] { log.push_back("second"); });
  EXPECT_EQ(world.next_callback(), Seconds(1));
  world.Run();
  EXPECT_THAT(log, ElementsAre("first", "second", "in order"));
  EXPECT_EQ(world.next_callback(), std::nullopt);
}

// A deadline that did not come is no event: the clock does not go on to it.
TEST(MemoryWorldTest, ADeadlineThatWasNotNeededTakesNoTime) {
  MemoryWorld world;
  Channel<int> channel(world);
  world.Start("reader", [&] { EXPECT_TRUE(channel.WaitUntil(Seconds(100))); });
  world.CallAt(Seconds(1), [&] { channel.Push(1); });
  world.Run();
  EXPECT_EQ(world.Now(), Seconds(1));
}

// -- a run that ends with its main activity

struct CountsItsEnd {
  int& ended;
  ~CountsItsEnd() { ++ended; }
};

TEST(GuardedWorldTest, NothingHappensBehindTheEndOfMainAndTheOthersUnwind) {
  GuardedWorld world;
  std::string log;
  int ended = 0;
  world.RunUntilEndOf([&] {
    for (int i = 0; i < 2; ++i) {
      world.Start("other", [&] {
        const CountsItsEnd counts{ended};
        world.SleepUntil(Seconds(2));
        log += "an activity ";
      });
    }
    world.CallAt(Seconds(3), [&] { log += "a callback "; });
    world.SleepUntil(Seconds(1));
    world.Start("too late", [&] { log += "a start "; });
    log += "main ";
  });
  EXPECT_EQ(log, "main ");
  EXPECT_EQ(ended, 2);
  EXPECT_THAT(world.stuck(), IsEmpty());
}

TEST(GuardedWorldTest, TheFirstFailureEndsTheRun) {
  for (const bool in_callback : {false, true}) {
    GuardedWorld world;
    std::string log;
    const auto fail = [] { throw std::runtime_error("failed"); };
    EXPECT_THROW(world.RunUntilEndOf([&] {
      world.CallAt(Seconds(2), [&] { log += "a callback "; });
      if (in_callback) {
        world.CallAt(Seconds(1), fail);
      } else {
        world.Start("bad", fail);
      }
      world.SleepUntil(Seconds(3));
      log += "main ";
    }),
                 std::runtime_error);
    EXPECT_EQ(log, "");
  }
}

}  // namespace
}  // namespace hat
