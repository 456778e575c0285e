// What gRPC says of TLS handshakes that failed: only its log tells, and that without the peer.
#pragma once

#include <functional>
#include <string>

namespace hat {

// From now on `listener` is told each failed handshake in words ("a certificate of another CA"),
// from any thread; what else gRPC logs goes nowhere. One listener per process; null: none.
void ListenToHandshakes(std::function<void(const std::string& why)> listener);

}  // namespace hat
