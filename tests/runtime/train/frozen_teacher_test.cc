#include "runtime/train/frozen_teacher.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "core/files.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

constexpr int64_t kLength = 6;

class FrozenTeacherTest : public testing::Test {
 protected:
  FrozenTeacher Teacher(double most_gb = 1, const std::string& identity = "a") const {
    FrozenTeacher teacher(model_, 1);
    teacher.KeepIn(folder_ / "states", most_gb, identity, kLength);
    return teacher;
  }
  at::Tensor Windows(uint64_t seed, int rows) const {
    const std::vector<int32_t> ids =
        RandomIds(seed, rows * static_cast<int>(kLength + 1), model_.config().shape.vocabulary);
    return at::tensor(ids).to(at::kLong).view({rows, kLength + 1});
  }

  const TempFolder folder_;
  const SequenceModel model_{TinyModel(4), {}};
};

TEST_F(FrozenTeacherTest, WhatWasKeptIsWhatWasComputedUpToHalves) {
  const at::Tensor windows = Windows(1, 2);
  const Taught computed = Teacher().Teach(windows, {5, 3});
  const FrozenTeacher later = Teacher();  // reads the file
  const at::Tensor others = Windows(2, 2);
  const Taught kept = later.Teach(others, {3, 5});  // by number: the windows are not looked at
  EXPECT_LT(Distance(kept.shallow[0], computed.shallow[1]), 1e-3);
  EXPECT_LT(Distance(kept.deep[1], computed.deep[0]), 1e-3);
  EXPECT_TRUE(at::equal(kept.tokens[0], computed.tokens[1]));
  EXPECT_LT(Distance(kept.logits[1], computed.logits[0]), 1e-2);
}

TEST_F(FrozenTeacherTest, TheLikeliestTokensAreTheModels) {
  const at::Tensor windows = Windows(1, 1);
  const Taught taught = Teacher().Teach(windows, {0});
  const at::Tensor all = at::mm(model_.Normed(taught.deep), model_.output().t());
  EXPECT_TRUE(at::equal(taught.tokens[0].select(1, 0), all.argmax(1)));
  EXPECT_TRUE(at::equal(all.gather(1, taught.tokens[0]), taught.logits[0]));
  EXPECT_EQ(taught.tokens.size(2), std::min<int64_t>(64, all.size(1)));
}

TEST_F(FrozenTeacherTest, OtherLengthsAndWindowsWithoutNumbersAreComputed) {
  const FrozenTeacher teacher = Teacher();
  teacher.Teach(Windows(1, 1), {0});
  const at::Tensor windows = Windows(2, 1);
  const Taught computed = FrozenTeacher(model_, 1).Teach(windows, {});
  EXPECT_TRUE(at::equal(teacher.Teach(windows, {}).deep, computed.deep));
  const at::Tensor shorter = windows.narrow(1, 0, kLength);
  EXPECT_EQ(teacher.Teach(shorter, {0}).deep.size(1), kLength - 1);
}

TEST_F(FrozenTeacherTest, NoMoreIsKeptThanAllowed) {
  const FrozenTeacher teacher = Teacher(1e-6);  // less than a record
  teacher.Teach(Windows(1, 1), {0});
  EXPECT_EQ(std::filesystem::file_size(folder_ / "states/records.bin"), 0U);
}

TEST_F(FrozenTeacherTest, StatesOfAnotherModelAreRefused) {
  Teacher();
  EXPECT_INPUT_ERROR(Teacher(1, "b"), testing::HasSubstr("another model, text or length"));
}

}  // namespace
}  // namespace hat
