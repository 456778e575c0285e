// A device's way to its cloud, before anything is said.
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "runtime/serve/wire/connection.h"

namespace hat {

// A channel with a connection of its own that stands. `cloud`: "host:port"; `cloud_name`: in its
// certificate, empty: the host. A cloud that is not up yet may come until the deadline, which is
// `timeout_s` in words. Throws RunError: nobody there, or one of the two does not trust the other.
std::shared_ptr<grpc::Channel> ConnectedChannel(const std::string& cloud,
                                                const std::string& cloud_name, const TlsTexts& tls,
                                                std::chrono::steady_clock::time_point deadline,
                                                double timeout_s);

}  // namespace hat
