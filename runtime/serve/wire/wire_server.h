// The cloud's end of all streams: a gRPC server that takes devices it knows.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/serve/wire/connection.h"

namespace hat {

struct KnownPeer {
  int number = 0;
  std::string name;  // as in its certificate
};

class WireServer {
 public:
  // Callbacks come from gRPC's threads, may not block, and come no more once the object is gone.
  struct Setup {
    std::string listen;  // "127.0.0.1:7077"; port 0: one that is free
    TlsTexts tls;
    Handshake agreed;
    int stages = 1;
    double silence_s = 15;  // a stream that nothing has come from for so long is ended
    std::function<std::optional<KnownPeer>(std::string_view token)> find_device = {};
    // A device is there. A stream of it that was open has been told that it is closed.
    std::function<ConnectionEvents(int device, std::shared_ptr<Connection>)> on_open = {};
    // A peer, by its address, was not let in.
    std::function<void(const std::string& peer, const std::string& why)> on_refused = {};
  };

  // Listens. Throws InputError: an address that is none or is in use, keys that gRPC does not take.
  explicit WireServer(Setup setup);
  // Ends all streams.
  ~WireServer();

  int port() const;
  // The devices whose streams are open.
  struct Peer {
    KnownPeer device;
    Seconds silence;  // since something came from it
  };
  std::vector<Peer> peers() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hat
