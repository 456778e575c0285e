// The verbs that measure this machine: all that a device or a GPU server needs.
#pragma once

#include "core/program.h"

namespace hat {

int ProfileCheckVerb(CommandLine& line);
int ProfileCloudVerb(CommandLine& line);
int ProfileDeviceVerb(CommandLine& line);

}  // namespace hat
