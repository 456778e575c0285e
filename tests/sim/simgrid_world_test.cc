#include "sim/simgrid_world.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>

#include "core/error.h"
#include "core/random.h"
#include "tests/core/expect_error.h"
#include "tests/sim/child_run.h"

namespace hat {
namespace {

using testing::HasSubstr;

// What `body` wrote in a world of its own, a process of its own.
std::string InWorld(const std::function<void(SimGridWorld&, std::string&)>& body) {
  return TextFromChild([&] {
    SimGridWorld world;
    std::string text;
    world.Run([&] { body(world, text); });
    return text;
  });
}

TEST(SimGridWorldTest, CallbacksOfAnInstantRunInOrderAndBeforeActivitiesThatWakeThen) {
  const std::string told = InWorld([](SimGridWorld& world, std::string& text) {
    world.Start("sleeper", [&] {
      world.SleepUntil(Seconds(1));
      text += "sleeper ";
    });
    for (const char* name : {"a ", "b ", "c "}) {
      world.CallAt(Seconds(1), [&text, name] { text += name; });
    }
    world.CallAt(Seconds(0.5), [&text] { text += "early "; });
    world.SleepUntil(Seconds(2));
  });
  EXPECT_EQ(told, "early a b c sleeper ");
}

TEST(SimGridWorldTest, TheClockIsTheCallbacksOwnTimeToTheBit) {
  const std::string told = InWorld([](SimGridWorld& world, std::string& text) {
    RngStream random(1, "times");
    Seconds t;
    for (int i = 0; i < 1000; ++i) {
      t += Seconds(random.Exponential(0.1));
      world.SleepUntil(t);
      if (world.Now() != t) text += fmt::format("{} is not {}\n", world.Now().value(), t.value());
    }
  });
  EXPECT_EQ(told, "");
}

// SimGrid adds differences to its clock: from 0.1 to a later time it may come out a bit late.
TEST(SimGridWorldTest, ACallForNowIsNeverInSimGridsPast) {
  for (int i = 0; i < 50; ++i) {
    RngStream random(static_cast<uint64_t>(i), "times");
    const Seconds first(random.Uniform());
    const Seconds second = first * random.Uniform(2, 50);
    const std::string told = InWorld([&](SimGridWorld& world, std::string& text) {
      world.SleepUntil(first);
      world.SleepUntil(second);
      world.Settle();
      world.CallAt(second, [&] { text += "called"; });
      world.SleepUntil(second + Seconds(1));
    });
    ASSERT_EQ(told, "called");
  }
}

TEST(SimGridWorldTest, SettleWaitsForEverythingThatIsDueAtTheInstant) {
  const std::string told = InWorld([](SimGridWorld& world, std::string& text) {
    world.CallAt(Seconds(1), [&] {
      world.CallAt(Seconds(1), [&] {
        world.Start("late", [&] { world.CallAt(Seconds(1), [&] { text += "caused "; }); });
      });
    });
    world.SleepUntil(Seconds(1));
    world.Settle();
    text += fmt::format("settled at {}", world.Now().value());
  });
  EXPECT_EQ(told, "caused settled at 1");
}

TEST(SimGridWorldTest, ASignalRaisedBeforeTheWaitIsNotLostAndCountsOnce) {
  const std::string told = InWorld([](SimGridWorld& world, std::string& text) {
    const std::unique_ptr<Signal> signal = world.MakeSignal();
    signal->Raise();
    signal->Raise();
    signal->Wait();
    text += fmt::format("{} ", signal->WaitUntil(Seconds(1)));
    text += fmt::format("{} ", world.Now().value());
    world.CallAt(Seconds(1.5), [&] { signal->Raise(); });
    text += fmt::format("{} ", signal->WaitUntil(Seconds(2)));
    text += fmt::format("{}", world.Now().value());
  });
  EXPECT_EQ(told, "false 1 true 1.5");
}

TEST(SimGridWorldTest, WhatAnActivityOrACallbackThrowsEndsTheRun) {
  EXPECT_INPUT_ERROR(InWorld([](SimGridWorld& world, std::string&) {
                       world.Start("bad", [] { throw InputError("by an activity"); });
                       world.SleepUntil(Seconds(1));
                     }),
                     HasSubstr("by an activity"));
  EXPECT_INPUT_ERROR(InWorld([](SimGridWorld& world, std::string&) {
                       world.CallAt(Seconds(0.5), [] { throw InputError("by a callback"); });
                       world.SleepUntil(Seconds(1));
                     }),
                     HasSubstr("by a callback"));
}

int MemoryMaps() {
  std::ifstream file("/proc/self/maps");
  int maps = 0;
  for (std::string line; std::getline(file, line);) ++maps;
  return maps;
}

// Each has a stack of its own, two maps.
TEST(SimGridWorldTest, ActivitiesThatHaveEndedTakeNoRoom) {
  const std::string told = InWorld([](SimGridWorld& world, std::string& text) {
    world.Start("one that never ends", [&world] {
      for (;;) world.SleepUntil(world.Now() + Seconds(0.5));
    });
    int ended = 0;
    const auto start_many = [&] {
      for (int i = 0; i < 200; ++i) {
        world.Start("short", [&ended] { ++ended; });
        world.SleepUntil(world.Now() + Seconds(1));
      }
    };
    start_many();
    const int before = MemoryMaps();
    start_many();
    text = fmt::format("{} ended, room for {}", ended, MemoryMaps() - before < 20 ? "all" : "few");
  });
  EXPECT_EQ(told, "400 ended, room for all");
}

TEST(SimGridWorldTest, NothingHappensBehindTheEndOfMain) {
  const std::string told = TextFromChild([] {
    SimGridWorld world;
    std::string text;
    world.Run([&] {
      world.Start("other", [&] {
        world.SleepUntil(Seconds(2));
        text += "an activity ";
      });
      world.CallAt(Seconds(3), [&] { text += "a callback "; });
      world.SleepUntil(Seconds(1));
      text += "main ";
    });
    return text;
  });
  EXPECT_EQ(told, "main ");
}

TEST(SimGridWorldTest, NothingHappensBehindAFailure) {
  const std::string told = TextFromChild([] {
    SimGridWorld world;
    std::string text;
    try {
      world.Run([&] {
        world.CallAt(Seconds(2), [&] { text += "a callback "; });
        world.CallAt(Seconds(1), [&] { throw RunError("failed "); });
        world.SleepUntil(Seconds(3));
        text += "main ";
      });
    } catch (const RunError& error) {
      text += error.what();
    }
    return text;
  });
  EXPECT_EQ(told, "failed ");
}

TEST(SimGridWorldTest, ALoneFlowTakesSizeOverRate) {
  const std::string told = TextFromChild([] {
    SharedPlatform platform;
    platform.devices = {{BytesPerSecond(1e6), BytesPerSecond(4e6)}};
    platform.cell = BytesPerSecond::Infinity();
    platform.ingress = platform.egress = BytesPerSecond(2e6);
    SimGridWorld world(&platform);
    std::string text;
    world.Run([&] {
      world.Transfer(Direction::kUp, 0, Bytes(1e6));
      text += fmt::format("{:.9f} ", world.Now().value());
      world.Transfer(Direction::kDown, 0, Bytes(1e6));
      text += fmt::format("{:.9f}", world.Now().value());
    });
    return text;
  });
  EXPECT_EQ(told, "1.000000000 1.500000000");
}

}  // namespace
}  // namespace hat
