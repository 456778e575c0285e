// One request, as both worlds see it.
#pragma once

#include "core/units.h"

namespace hat {

struct Request {
  int id = 0;             // 0, 1, ... in order of arrival; also the session id
  int device = 0;         // index into the fleet
  int prompt_row = 0;     // row of the prompt file, and of the draft trace where there is one
  Seconds arrival;        // at the device
  int prompt_tokens = 0;  // L >= 1
  int output_tokens = 0;  // N >= 1
};

}  // namespace hat
