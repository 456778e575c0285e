#include "runtime/serve/metrics/metrics_server.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "core/error.h"

namespace hat {
namespace {

struct Place {
  std::string host;  // without brackets
  std::string port;
};

// civetweb takes more than an address: commas, and letters behind a port that mean TLS or
// redirection.
std::optional<Place> ParsePlace(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  Place place{address.substr(0, colon), address.substr(colon + 1)};
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  const bool has_port = !place.port.empty() && place.port.size() <= 5 &&
                        std::ranges::all_of(place.port, is_digit) && std::stoi(place.port) <= 65535;
  if (!has_port) return std::nullopt;
  if (place.host.starts_with('[') && place.host.ends_with(']')) {
    place.host = place.host.substr(1, place.host.size() - 2);
    const bool is_ipv6 =
        place.host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string::npos;
    return is_ipv6 ? std::optional(place) : std::nullopt;
  }
  const bool is_name = std::ranges::all_of(
      place.host, [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-'; });
  return is_name ? std::optional(place) : std::nullopt;
}

class Socket {
 public:
  explicit Socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

// Where to listen, as the system takes it.
struct MetricsServer::Endpoint {
  sockaddr_storage bytes = {};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }

  // The reason if it cannot be found, else "".
  std::string Find(const Place& place) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(place.host.c_str(), place.port.c_str(), &hints, &found);
    if (error != 0) return ::gai_strerror(error);
    size = found->ai_addrlen;
    std::memcpy(&bytes, found->ai_addr, size);
    ::freeaddrinfo(found);
    return "";
  }

  // Why nothing can listen there, "" if something can: civetweb says only that it could not.
  std::string WhyNot() const {
    const Socket socket(get()->sa_family);
    const int on = 1;
    const bool can_be_had =
        socket.get() >= 0 &&
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        ::bind(socket.get(), get(), size) == 0;
    return can_be_had ? "" : std::strerror(errno);
  }

  void SetPort(int port) {
    const in_port_t value = htons(static_cast<uint16_t>(port));
    if (get()->sa_family == AF_INET6) {
      reinterpret_cast<sockaddr_in6*>(&bytes)->sin6_port = value;
    } else {
      reinterpret_cast<sockaddr_in*>(&bytes)->sin_port = value;
    }
  }

  // Connects, and goes.
  void Knock() const {
    const Socket socket(get()->sa_family);
    ::connect(socket.get(), get(), size);
  }
};

MetricsServer::MetricsServer(const std::string& address,
                             std::vector<std::shared_ptr<prometheus::Collectable>> metrics)
    : metrics_(std::move(metrics)), endpoint_(std::make_unique<Endpoint>()) {
  const std::optional<Place> place = ParsePlace(address);
  if (!place) {
    throw InputError(fmt::format(
        "metrics are served at IP:PORT, [IPv6]:PORT or NAME:PORT, as 127.0.0.1:9400; got '{}'",
        address));
  }
  const auto fail = [&](const std::string& why) {
    return InputError(fmt::format("cannot serve metrics at '{}': {}", address, why));
  };
  if (const std::string why = endpoint_->Find(*place); !why.empty()) throw fail(why);
  if (const std::string why = endpoint_->WhyNot(); !why.empty()) throw fail(why);
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(std::vector<std::string>{
        "listening_ports", address, "num_threads", "2", "request_timeout_ms", "10000"});
  } catch (const std::exception& error) {
    throw fail(error.what());
  }
  endpoint_->SetPort(port());
  for (const auto& collectable : metrics_) exposer_->RegisterCollectable(collectable);
}

// civetweb looks whether it is to stop when its poll ends: after 2 s, or once somebody connects.
MetricsServer::~MetricsServer() {
  std::atomic<bool> has_ended = false;
  const std::jthread stops([&] {
    exposer_.reset();
    has_ended = true;
  });
  while (!has_ended) {
    endpoint_->Knock();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

int MetricsServer::port() const { return exposer_->GetListeningPorts().front(); }

}  // namespace hat
