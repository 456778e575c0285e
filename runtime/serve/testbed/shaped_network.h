// The links of a testbed on one machine, slowed down by the kernel: each program is in a network
// namespace of its own, and from the cloud's a veth pair goes to each device's, with a token bucket
// (tbf) at either end. Namespaces have no names: they, and all in them, end with their programs.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/units.h"
#include "experiments/scenario/scenario.h"

namespace hat {

class ShapedNetwork {
 public:
  struct Device {
    pid_t pid = -1;
    // What an application is to get, before TLS and gRPC: on the machine's clock.
    BytesPerSecond up, down;
  };

  // Throws InputError: the kernel cannot make the scenario's links, or this user may not have it
  // do so, or a program is missing; each with what works without.
  static void CheckUsable(const Scenario& scenario);
  // What stands before the words of a program that is to have a namespace.
  static std::vector<std::string> Prefix() { return {"unshare", "--net", "--"}; }
  // Of the cloud, in all devices' namespaces.
  static constexpr const char* kCloudAddress = "10.213.0.1";

  // Connects programs that run. `commands`: a prefix for files of what the kernel is told. Throws
  // RunError.
  static void Connect(pid_t cloud, const std::vector<Device>& devices, const std::string& commands);
};

}  // namespace hat
