#include "core/fifo.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

#include "core/random.h"

namespace hat {
namespace {

TEST(FifoTest, GivesWhatWasPushedInOrder) {
  Fifo<std::unique_ptr<int>> fifo;
  std::deque<int> expected;
  RngStream random(1, "fifo");
  EXPECT_TRUE(fifo.empty());
  for (int i = 0; i < 10000; ++i) {
    if (random.Uniform() < 0.55) {
      fifo.Push(std::make_unique<int>(i));
      expected.push_back(i);
    } else if (!expected.empty()) {
      ASSERT_EQ(*fifo.front(), expected.front());
      ASSERT_EQ(*fifo.Pop(), expected.front());
      expected.pop_front();
    }
    ASSERT_EQ(fifo.size(), expected.size());
  }
}

}  // namespace
}  // namespace hat
