// What this process's devices and their clouds say to each other, as gRPC has it before TLS.
#pragma once

#include <string>
#include <vector>

namespace hat {

// All messages since the last call, sent and received, each as it is on the stream. A program that
// asks listens from its start on.
std::vector<std::string> HeardMessages();

}  // namespace hat
