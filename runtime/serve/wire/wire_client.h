// A device's end: one stream to a cloud.
#pragma once

#include <memory>
#include <string>

#include "runtime/serve/wire/connection.h"

namespace hat {

class WireClient {
 public:
  struct Setup {
    std::string cloud;            // "host:port"
    std::string cloud_name = {};  // in its certificate; empty: the host
    TlsTexts tls;
    std::string token;
    Handshake hello;
    double timeout_s = 10;   // of connecting
    double heartbeat_s = 5;  // between two, and what may pass without an answer three times
    ConnectionEvents events = {};
  };

  // Connects and says hello; again where the connection breaks before the welcome, within the
  // timeout. Throws RunError: nobody there, refused (with the cloud's words).
  explicit WireClient(const Setup& setup);
  ~WireClient();  // ends the stream; no event comes afterwards

  const Welcome& welcome() const;
  Connection& connection();
  // From a heartbeat to its answer, the newest; 0 before the first.
  Seconds round_trip() const;
  Seconds silence() const;  // since something came from the cloud

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hat
