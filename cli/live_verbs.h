// The verbs of hat-live: what talks over a network and computes with libtorch.
#pragma once

#include <string>

#include "core/program.h"

namespace hat {

// The address with the port that a cloud listens on unless told otherwise, where it has none.
inline std::string WithPort(const std::string& address) {
  return address.find(':') == std::string::npos ? address + ":7077" : address;
}

int CloudVerb(CommandLine& line);
int DeviceVerb(CommandLine& line);
int ProfileLinkVerb(CommandLine& line);
// Of a testbed, for 'hat replay' alone.
int TestbedCloudVerb(CommandLine& line);
int TestbedDeviceVerb(CommandLine& line);
int TestbedReferenceVerb(CommandLine& line);

}  // namespace hat
