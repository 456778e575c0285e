// Serves metrics to Prometheus: GET /metrics over plain HTTP, in its text format.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Collectable;
}  // namespace prometheus

namespace hat {

// prometheus-cpp has a server of its own (civetweb), which cannot start where libtorch is loaded
// (findings/civetweb_needs_small_tls.sh). This one answers one scrape at a time, each within 3 s.
class MetricsServer {
 public:
  // `address`: IP:PORT, [IPv6]:PORT or NAME:PORT; port 0 is one that is free. Anybody who can reach
  // it may read: no content of requests, but who is there and how much. Throws InputError with the
  // reason if it cannot be had (port in use, not an address of this machine, no permission). No two
  // of `metrics` may have a name in common, as a cloud's and a device's do: each has its own
  // server.
  MetricsServer(const std::string& address,
                std::vector<std::shared_ptr<prometheus::Collectable>> metrics);
  ~MetricsServer();  // waits for a scrape that is under way
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  int port() const;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace hat
