// What a live cloud and its devices stand on, with nothing on it: gRPC streams over TLS on which
// each message is answered by one of the same size. The floor of the live world.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/serve/wire/connection.h"

namespace hat {

class BareServer {
 public:
  explicit BareServer(const TlsTexts& tls);
  ~BareServer();
  int port() const;
  double streams() const;  // that are open

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// One stream, on a connection of its own.
class BareClient {
 public:
  BareClient(const TlsTexts& tls, int port);
  ~BareClient();
  // Sends a message of so many bytes whenever the one before is answered, and counts the answers.
  void PlayPingPong(size_t bytes, std::atomic<int64_t>& answers);
  void SendOne(size_t bytes, std::atomic<int64_t>& answers);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hat
