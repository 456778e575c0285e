#include "runtime/serve/wire/channel.h"

#include <fmt/format.h>

#include <mutex>

#include "core/error.h"
#include "runtime/serve/wire/grpc_log.h"

namespace hat {
namespace {

std::chrono::system_clock::time_point OnTheSystemsClock(
    std::chrono::steady_clock::time_point time) {
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(
             time - std::chrono::steady_clock::now());
}

}  // namespace

std::shared_ptr<grpc::Channel> ConnectedChannel(const std::string& cloud,
                                                const std::string& cloud_name, const TlsTexts& tls,
                                                std::chrono::steady_clock::time_point deadline,
                                                double timeout_s) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(kPieceBytes) + 1024);
  // A channel of its own: gRPC shares connections between channels that look alike.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (!cloud_name.empty()) arguments.SetSslTargetNameOverride(cloud_name);
  const auto channel = grpc::CreateCustomChannel(
      cloud, grpc::SslCredentials({tls.ca, tls.key, tls.certificate}), arguments);
  std::mutex mutex;
  std::string failed;
  const HandshakeListener listener([&](const std::string& why) {
    const std::lock_guard lock(mutex);
    failed = why;
  });
  for (auto state = channel->GetState(true); state != GRPC_CHANNEL_READY;
       state = channel->GetState(true)) {
    {
      const std::lock_guard lock(mutex);
      if (!failed.empty()) {
        throw RunError(fmt::format("no trust in the cloud at '{}': {}", cloud, failed));
      }
    }
    if (!channel->WaitForStateChange(state, OnTheSystemsClock(deadline))) {
      throw RunError(fmt::format(
          "no cloud answers at '{}' within {:g} s: nobody listens there, it does not take this "
          "device's certificate, or its own is not for that name or address ('hat keys init "
          "--host')",
          cloud, timeout_s));
    }
  }
  return channel;
}

}  // namespace hat
