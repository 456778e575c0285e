// EXPECT_INPUT_ERROR(statement, matcher of the message); EXPECT_RUN_ERROR likewise. Both also hold
// that it is one line.
#pragma once

#include <gmock/gmock.h>

#include "core/error.h"

#define HAT_EXPECT_ERROR(type, statement, matcher)                              \
  EXPECT_THAT(                                                                  \
      [&] { statement; },                                                       \
      testing::Throws<type>(testing::Property(                                  \
          &std::exception::what,                                                \
          testing::ResultOf([](const char* what) { return std::string(what); }, \
                            testing::AllOf(testing::Not(testing::HasSubstr("\n")), matcher)))))

#define EXPECT_INPUT_ERROR(statement, matcher) HAT_EXPECT_ERROR(hat::InputError, statement, matcher)
#define EXPECT_RUN_ERROR(statement, matcher) HAT_EXPECT_ERROR(hat::RunError, statement, matcher)
