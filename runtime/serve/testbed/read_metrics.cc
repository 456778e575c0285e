#include "runtime/serve/testbed/read_metrics.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "core/error.h"

namespace hat {
namespace {

constexpr timeval kTimeout{5, 0};

// The whole answer; "" with errno if there is none.
std::string Get(const std::string& ip, int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  ::inet_pton(AF_INET, ip.c_str(), &address.sin_addr);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof kTimeout);
  const std::string request = fmt::format("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", ip);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
      ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
    char buffer[4096];
    for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(n));
    }
  }
  const int error = errno;
  ::close(fd);
  errno = error;
  return answer;
}

}  // namespace

std::map<std::string, double> ReadMetrics(const std::string& ip, int port) {
  const std::string answer = Get(ip, port);
  const size_t body = answer.find("\r\n\r\n");
  if (!answer.starts_with("HTTP/1.1 200 ") || body == std::string::npos) {
    throw RunError(fmt::format("no metrics at {}:{}: {}", ip, port,
                               answer.empty() ? std::strerror(errno) : "not served"));
  }
  std::map<std::string, double> sums;
  std::istringstream lines(answer.substr(body + 4));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t value = line.rfind(' ');
    if (value == std::string::npos) continue;
    sums[line.substr(0, line.find_first_of("{ "))] += std::strtod(line.c_str() + value, nullptr);
  }
  return sums;
}

}  // namespace hat
