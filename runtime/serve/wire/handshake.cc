#include "runtime/serve/wire/handshake.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/hex.h"
#include "protocol/frame.h"

namespace hat {
namespace {

constexpr size_t kHashBytes = 32;

std::string Values(const char* what, const auto& cloud, const auto& device) {
  return fmt::format("another {}: the cloud has {}, the device {}", what, cloud, device);
}

}  // namespace

std::optional<std::string> Disagreement(const Handshake& cloud, const Handshake& device) {
  if (cloud.model_sha256 != device.model_sha256) {
    return Values("model (SHA-256)", cloud.model_sha256, device.model_sha256);
  }
  if (cloud.split != device.split) return Values("split", cloud.split, device.split);
  if (cloud.dtype != device.dtype) {
    return Values("dtype of states", Name(cloud.dtype), Name(device.dtype));
  }
  if (cloud.hidden != device.hidden) {
    return Values("number of values per state", cloud.hidden, device.hidden);
  }
  if (cloud.system_sha256 != device.system_sha256) {
    return Values("system (SHA-256 of its name and options; give both the same)",
                  cloud.system_sha256, device.system_sha256);
  }
  return std::nullopt;
}

wire::Hello HelloOf(const Handshake& handshake) {
  wire::Hello hello;
  hello.set_protocol(kProtocolVersion);
  hello.set_model_sha256(BytesOfHex(handshake.model_sha256).value());
  hello.set_split(static_cast<uint32_t>(handshake.split));
  hello.set_dtype(static_cast<uint32_t>(handshake.dtype));
  hello.set_hidden(static_cast<uint32_t>(handshake.hidden));
  hello.set_system_sha256(BytesOfHex(handshake.system_sha256).value());
  return hello;
}

std::optional<std::string> HelloProblem(const wire::Hello& hello) {
  if (hello.protocol() != kProtocolVersion) {
    return Values("version of the protocol", kProtocolVersion, hello.protocol());
  }
  constexpr auto kMost = static_cast<uint32_t>(std::numeric_limits<int>::max());
  const bool is_dtype = std::ranges::any_of(
      kWireDtypes, [&](Dtype dtype) { return static_cast<uint32_t>(dtype) == hello.dtype(); });
  if (hello.model_sha256().size() != kHashBytes || hello.system_sha256().size() != kHashBytes ||
      hello.split() > kMost || hello.hidden() > kMost || !is_dtype) {
    return "a hello with a field out of its range";
  }
  return std::nullopt;
}

Handshake HandshakeOf(const wire::Hello& hello) {
  return {.model_sha256 = HexOf(hello.model_sha256()),
          .split = static_cast<int>(hello.split()),
          .dtype = static_cast<Dtype>(hello.dtype()),
          .hidden = static_cast<int>(hello.hidden()),
          .system_sha256 = HexOf(hello.system_sha256())};
}

}  // namespace hat
