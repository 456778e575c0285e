#include "runtime/serve/metrics/metrics_server.h"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

struct Place {
  std::string host;  // without brackets
  std::string port;
};

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

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(3);  // with one client
constexpr size_t kLongestRequest = 8192;             // bytes, headers included

std::string Answer(std::string_view status, std::string_view kind, std::string_view body) {
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
      status, kind, body.size(), body);
}

// `request`: its first line, as "GET /metrics HTTP/1.1".
template <class Page>
std::string AnswerTo(std::string_view request, const Page& page) {
  constexpr std::string_view kGet = "GET ";
  const size_t end = request.rfind(" HTTP/1.");
  if (end == std::string_view::npos || end < request.find(' ')) {
    return Answer("400 Bad Request", "text/plain", "this speaks HTTP/1.1\n");
  }
  if (!request.starts_with(kGet)) {
    return Answer("405 Method Not Allowed", "text/plain", "GET /metrics\n");
  }
  std::string_view path = request.substr(0, end).substr(kGet.size());
  path = path.substr(0, path.find('?'));
  if (path != "/metrics") return Answer("404 Not Found", "text/plain", "GET /metrics\n");
  return Answer("200 OK", "text/plain; version=0.0.4; charset=utf-8", page());
}

}  // namespace

class MetricsServer::Listener {
 public:
  class Descriptor {
   public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
      if (fd_ >= 0) ::close(fd_);
    }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    int get() const { return fd_; }

   private:
    int fd_;
  };

  Listener(Descriptor socket, std::vector<std::shared_ptr<prometheus::Collectable>> metrics)
      : socket_(std::move(socket)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        metrics_(std::move(metrics)),
        thread_([this] { Run(); }) {}
  ~Listener() { ::eventfd_write(stop_.get(), 1); }

  int port() const {
    sockaddr_storage bytes = {};
    socklen_t size = sizeof bytes;
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bytes), &size);
    return ntohs(bytes.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bytes).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(bytes).sin_port);
  }

 private:
  void Run() const {
    while (Wait(socket_, POLLIN, std::nullopt)) {
      const Descriptor client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (client.get() >= 0) {
        Serve(client);
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));  // poll would not wait
      }
    }
  }

  // Until the descriptor is ready. False: not by the deadline, or the server stops.
  bool Wait(const Descriptor& which, short events,
            std::optional<Clock::time_point> deadline) const {
    for (;;) {
      int timeout_ms = -1;
      if (deadline) {
        const auto left =
            std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
        if (left <= 0) return false;
        timeout_ms = static_cast<int>(left);
      }
      pollfd ends[] = {{which.get(), events, 0}, {stop_.get(), POLLIN, 0}};
      if (::poll(ends, 2, timeout_ms) < 0) continue;
      if (ends[0].revents != 0) return true;
      if (ends[1].revents != 0) return false;
    }
  }

  void Serve(const Descriptor& client) const {
    const auto deadline = Clock::now() + kPatience;
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      char buffer[2048];
      if (request.size() > kLongestRequest || !Wait(client, POLLIN, deadline)) return;
      const ssize_t size = ::recv(client.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (size <= 0) return;
      request.append(buffer, static_cast<size_t>(size));
    }
    const std::string_view line = std::string_view(request).substr(0, request.find("\r\n"));
    const std::string answer = AnswerTo(line, [this] { return Page(); });
    for (std::string_view rest = answer; !rest.empty();) {
      if (!Wait(client, POLLOUT, deadline)) return;
      const ssize_t size =
          ::send(client.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size <= 0) return;
      rest.remove_prefix(static_cast<size_t>(size));
    }
  }

  std::string Page() const {
    std::vector<prometheus::MetricFamily> families;
    for (const auto& collectable : metrics_) {
      for (auto& family : collectable->Collect()) families.push_back(std::move(family));
    }
    return prometheus::TextSerializer().Serialize(families);
  }

  Descriptor socket_;
  Descriptor stop_;
  std::vector<std::shared_ptr<prometheus::Collectable>> metrics_;
  std::jthread thread_;  // last: it uses all others
};

MetricsServer::MetricsServer(const std::string& address,
                             std::vector<std::shared_ptr<prometheus::Collectable>> metrics) {
  const std::optional<Place> place = ParsePlace(address);
  if (!place) {
    throw InputError(fmt::format(
        "metrics are served at IP:PORT, [IPv6]:PORT or NAME:PORT, as 127.0.0.1:9400; got '{}'",
        address));
  }
  const auto fail = [&](const std::string& why) {
    return InputError(fmt::format("cannot serve metrics at '{}': {}", address, why));
  };
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(place->host.c_str(), place->port.c_str(), &hints, &found);
  if (error != 0) throw fail(::gai_strerror(error));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  Listener::Descriptor socket(
      ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (socket.get() < 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0 ||
      ::listen(socket.get(), 16) != 0) {
    throw fail(std::strerror(errno));
  }
  listener_ = std::make_unique<Listener>(std::move(socket), std::move(metrics));
}

MetricsServer::~MetricsServer() = default;

int MetricsServer::port() const { return listener_->port(); }

}  // namespace hat
