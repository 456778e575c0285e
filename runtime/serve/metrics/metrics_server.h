// Serves metrics to Prometheus: GET /metrics over plain HTTP, in its text format.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace prometheus {
class Collectable;
class Exposer;
}  // namespace prometheus

namespace hat {

class MetricsServer {
 public:
  // `address`: IP:PORT, [IPv6]:PORT or NAME:PORT; port 0 is one that is free. Anybody who can reach
  // it may read: no content of requests, but who is there and how much. Throws InputError with the
  // reason if it cannot be had (port in use, not an address of this machine, no permission). No two
  // of `metrics` may have a name in common, as a cloud's and a device's do: each has its own
  // server.
  MetricsServer(const std::string& address,
                std::vector<std::shared_ptr<prometheus::Collectable>> metrics);
  ~MetricsServer();  // waits for scrapes that are under way
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  int port() const;

 private:
  struct Endpoint;

  std::vector<std::shared_ptr<prometheus::Collectable>> metrics_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace hat
