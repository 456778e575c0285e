// When an operation was asked for, when it got its resource, when it ended.
#pragma once

#include "core/units.h"

namespace hat {

struct Span {
  Seconds requested;
  Seconds start;
  Seconds end;
  bool is_joined = false;  // it ran as a part of another operation, whose time this is
};

}  // namespace hat
