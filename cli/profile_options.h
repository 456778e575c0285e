// What `hat profile device` and `hat profile cloud` share: options, progress, the end.
#pragma once

#include "core/program.h"

namespace hat {

// The whole program of a role, "device" or "cloud".
int RunProfileProgram(CommandLine& line, const char* role, const char* description,
                      const char* examples);

}  // namespace hat
