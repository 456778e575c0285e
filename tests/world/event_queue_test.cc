#include "world/event_queue.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <tuple>

#include "core/random.h"

namespace hat {
namespace {

using testing::ElementsAre;

std::vector<int> TakeAll(EventQueue& queue, std::vector<int>& log) {
  while (!queue.empty()) queue.Take()();
  return log;
}

TEST(EventQueueTest, OrdersByTimeThenFirstThenOrderOfAdding) {
  EventQueue queue;
  std::vector<int> log;
  const auto says = [&](int number) { return [&log, number] { log.push_back(number); }; };
  queue.Add(Seconds(2), says(5));
  queue.Add(Seconds(1), says(3));
  queue.AddFirst(Seconds(1), says(1));
  queue.Add(Seconds(1), says(4));
  queue.AddFirst(Seconds(1), says(2));
  queue.Add(Seconds::Infinity(), says(6));
  queue.Add(Seconds(-0.0), says(0));
  EXPECT_EQ(queue.next(), Seconds(0));
  EXPECT_THAT(TakeAll(queue, log), ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST(EventQueueTest, WhatIsCancelledIsNeverSeen) {
  EventQueue queue;
  std::vector<int> log;
  const auto says = [&](int number) { return [&log, number] { log.push_back(number); }; };
  const EventQueue::Id first = queue.Add(Seconds(1), says(1));
  queue.Add(Seconds(2), says(2));
  const EventQueue::Id third = queue.Add(Seconds(3), says(3));
  queue.Cancel(third);
  queue.Cancel(first);
  EXPECT_EQ(queue.next(), Seconds(2));
  EXPECT_THAT(TakeAll(queue, log), ElementsAre(2));
  const EventQueue::Id only = queue.Add(Seconds(1), says(4));
  queue.Cancel(only);
  EXPECT_TRUE(queue.empty());
}

// Against a sorted list; once so short of numbers that all are given anew every few calls.
TEST(EventQueueTest, RandomCallbacksComeInOrder) {
  for (const uint64_t most_orders : {uint64_t{1} << 30, uint64_t{70}}) {
    EventQueue queue(most_orders);
    RngStream random(1, "events");
    std::vector<std::tuple<double, bool, int>> waiting;  // time, in order, number
    std::vector<int> expected, log;
    for (int number = 0; number < 5000; ++number) {
      if (waiting.size() >= 60 || (!waiting.empty() && random.Uniform() < 0.4)) {
        const auto next = std::min_element(waiting.begin(), waiting.end());
        expected.push_back(std::get<2>(*next));
        waiting.erase(next);
        queue.Take()();
      } else {
        const double time = random.UniformInt(5);
        const bool in_order = random.Uniform() < 0.7;
        const auto says = [&log, number] { log.push_back(number); };
        waiting.emplace_back(time, in_order, number);
        if (in_order) {
          queue.Add(Seconds(time), says);
        } else {
          queue.AddFirst(Seconds(time), says);
        }
      }
    }
    EXPECT_EQ(log, expected);
  }
}

}  // namespace
}  // namespace hat
