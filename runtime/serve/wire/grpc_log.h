// What gRPC says of TLS handshakes that failed: only its log tells, and that without the peer.
#pragma once

#include <functional>
#include <string>

namespace hat {

// While it lives, `told` is told each failed handshake of this process in words ("its certificate
// is of another CA, or has expired"), from any thread. What else gRPC logs goes nowhere, once there
// was one.
class HandshakeListener {
 public:
  explicit HandshakeListener(std::function<void(const std::string& why)> told);
  ~HandshakeListener();
  HandshakeListener(const HandshakeListener&) = delete;
  HandshakeListener& operator=(const HandshakeListener&) = delete;

 private:
  std::function<void(const std::string&)> told_;
};

}  // namespace hat
