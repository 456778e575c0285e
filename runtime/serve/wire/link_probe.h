// The way between a device and a cloud, measured as frames would find it: over TLS and a stream of
// its own, from the device's program to the cloud's and back. The cloud may be serving meanwhile.
#pragma once

#include <memory>
#include <string>

#include "core/units.h"
#include "runtime/serve/wire/connection.h"

namespace hat {

class LinkProbe {
 public:
  struct Setup {
    std::string cloud;            // "host:port"
    std::string cloud_name = {};  // in its certificate; empty: the host
    TlsTexts tls;
    std::string token;
    double timeout_s = 10;  // of connecting, and of an answer
  };

  // Connects. All calls throw RunError: nobody there, refused (with the cloud's words), ended.
  explicit LinkProbe(const Setup& setup);
  ~LinkProbe();

  // A message of `up` bytes that is answered with `down` bytes, each at most kPieceBytes.
  Seconds RoundTrip(size_t up = 0, size_t down = 0);

  // While messages follow each other so that kCreditBytes are under way, as a long prompt's do.
  struct Transfer {
    double bytes = 0;
    Seconds lasted;
    BytesPerSecond rate() const { return BytesPerSecond(bytes / lasted.value()); }
  };
  Transfer Upload(Seconds lasting) { return Transmit(kPieceBytes, 0, lasting); }
  Transfer Download(Seconds lasting) { return Transmit(0, kPieceBytes, lasting); }

  // So many pieces, likewise, until the last one is answered.
  Seconds UploadPieces(int pieces);

 private:
  class Impl;
  Transfer Transmit(size_t up, size_t down, Seconds lasting);

  std::unique_ptr<Impl> impl_;
};

}  // namespace hat
