#include "world/thread_world.h"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

#include "world/channel.h"

namespace hat {
namespace {

using testing::ElementsAre;

TEST(ThreadWorldTest, NobodyWakesTooEarly) {
  ThreadWorld world(100);
  std::vector<double> woke(5);
  for (int i = 0; i < 5; ++i) {
    world.Start("sleeper", [&, i] {
      world.SleepUntil(Seconds(i));
      woke[static_cast<size_t>(i)] = world.Now().value();
    });
  }
  world.Join();
  for (int i = 0; i < 5; ++i) EXPECT_GE(woke[static_cast<size_t>(i)], i);
}

TEST(ThreadWorldTest, CallbacksRunInTheOrderOfTheirTimesThenOfTheCalls) {
  ThreadWorld world(100);
  std::vector<std::string> told;
  const auto tell = [&told](const char* what) {
    return [&told, what] { told.emplace_back(what); };
  };
  const auto all_are_there = world.MakeSignal();
  world.CallAt(Seconds(3), tell("third"));
  world.CallAt(Seconds(3), [&] {
    told.emplace_back("last");
    all_are_there->Raise();
  });
  world.CallAt(Seconds(2), tell("second"));
  world.CallAt(Seconds(1), tell("first"));
  all_are_there->Wait();
  EXPECT_THAT(told, ElementsAre("first", "second", "third", "last"));
}

TEST(ThreadWorldTest, SettleLetsWhatIsDueHappenFirst) {
  ThreadWorld world;
  int due = 0;
  world.Start("waits", [&] {
    for (int i = 0; i < 100; ++i) {
      const Seconds now = world.Now();
      for (int k = 0; k < 3; ++k) world.CallAt(now, [&] { ++due; });
      world.Settle();
      EXPECT_EQ(due, 3 * (i + 1));
    }
  });
  world.Join();
}

TEST(ThreadWorldTest, AChannelLosesNothingAndKeepsEachWritersOrder) {
  constexpr int kWriters = 4, kItems = 2000;
  ThreadWorld world;
  Channel<int> channel(world);
  for (int writer = 0; writer < kWriters; ++writer) {
    world.Start("writer", [&, writer] {
      for (int i = 0; i < kItems; ++i) channel.Push(writer * kItems + i);
    });
  }
  std::vector<int> next(kWriters);
  for (int n = 0; n < kWriters * kItems; ++n) {
    if (n % 3 == 0) channel.WaitUntil(world.Now() + Microseconds(n % 50));
    const int item = channel.Pop();
    EXPECT_EQ(item % kItems, next[static_cast<size_t>(item / kItems)]++);
  }
  world.Join();
  EXPECT_FALSE(channel.TryPop());
}

TEST(ThreadWorldTest, AClosedChannelEndsItsReadersWait) {
  ThreadWorld world;
  Channel<int> channel(world);
  std::vector<int> read;
  world.Start("reader", [&] {
    while (const auto item = channel.PopUntil(Seconds::Infinity())) read.push_back(*item);
  });
  world.Start("writer", [&] {
    channel.Push(1);
    channel.Push(2);
    world.SleepUntil(world.Now() + Milliseconds(2));
    channel.Close();
  });
  world.Join();
  EXPECT_THAT(read, ElementsAre(1, 2));
}

TEST(ThreadWorldTest, ADeadlineEndsAWait) {
  ThreadWorld world;
  const auto signal = world.MakeSignal();
  EXPECT_FALSE(signal->WaitUntil(world.Now() + Milliseconds(1)));
  signal->Raise();
  EXPECT_TRUE(signal->WaitUntil(world.Now() + Seconds(100)));
}

TEST(ThreadWorldTest, WhatAnActivityOrACallbackThrowsComesOutOfJoin) {
  ThreadWorld world;
  world.Start("throws", [] { throw std::runtime_error("no"); });
  EXPECT_THROW(world.Join(), std::runtime_error);
  const auto signal = world.MakeSignal();
  world.CallAt(Seconds(0), [] { throw std::logic_error("nor that"); });
  world.CallAt(Seconds(0), [&] { signal->Raise(); });
  signal->Wait();
  EXPECT_THROW(world.Join(), std::logic_error);
}

}  // namespace
}  // namespace hat
