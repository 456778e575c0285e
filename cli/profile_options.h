// What `hat profile device` and `hat profile cloud` share: options, progress, the end.
#pragma once

#include "core/program.h"
#include "profiles/operation.h"

namespace hat {

// The whole program of a role.
int RunProfileProgram(CommandLine& line, Role role, const char* description, const char* examples);

}  // namespace hat
