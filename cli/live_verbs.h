// The verbs of hat-live: what talks over a network and computes with libtorch.
#pragma once

#include "core/program.h"

namespace hat {

int CloudVerb(CommandLine& line);
int DeviceVerb(CommandLine& line);
int ProfileLinkVerb(CommandLine& line);
// Of a testbed, for 'hat replay' alone.
int TestbedCloudVerb(CommandLine& line);
int TestbedDeviceVerb(CommandLine& line);
int TestbedReferenceVerb(CommandLine& line);

}  // namespace hat
