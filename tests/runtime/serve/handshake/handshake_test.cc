// gRPC, as a cloud and a device use it, believes the keys that it should and no others.
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "core/files.h"
#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/keys/read_keys.h"
#include "tests/core/temp_folder.h"

namespace hat {
namespace {

// A server without a service: who gets through the handshake is connected.
class Cloud {
 public:
  explicit Cloud(const CloudKeys& keys) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = keys.ca_pem;
    options.pem_key_cert_pairs = {{keys.key_pem, keys.certificate_pem}};
    grpc::ServerBuilder builder;
    builder.AddListeningPort("[::]:0", grpc::SslServerCredentials(options), &port_);
    builder.RegisterAsyncGenericService(&service_);
    queue_ = builder.AddCompletionQueue();
    server_ = builder.BuildAndStart();
  }
  ~Cloud() {
    server_->Shutdown();
    queue_->Shutdown();
    void* tag = nullptr;
    for (bool ok = false; queue_->Next(&tag, &ok);) {
    }
  }

  bool LetsIn(const std::string& host,
              const std::shared_ptr<grpc::ChannelCredentials>& credentials) const {
    const auto channel = grpc::CreateChannel(host + ":" + std::to_string(port_), credentials);
    const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(60);
    grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
    while (state != GRPC_CHANNEL_READY && state != GRPC_CHANNEL_TRANSIENT_FAILURE) {
      if (!channel->WaitForStateChange(state, deadline)) break;
      state = channel->GetState(true);
    }
    EXPECT_TRUE(state == GRPC_CHANNEL_READY || state == GRPC_CHANNEL_TRANSIENT_FAILURE) << state;
    return state == GRPC_CHANNEL_READY;
  }

 private:
  int port_ = 0;
  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
};

std::shared_ptr<grpc::ChannelCredentials> Tls(const std::string& ca, const std::string& key,
                                              const std::string& certificate) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = ca;
  options.pem_private_key = key;
  options.pem_cert_chain = certificate;
  return grpc::SslCredentials(options);
}

class HandshakeTest : public testing::Test {
 protected:
  DeviceKeys Make(const std::string& name, std::chrono::sys_seconds now = Now()) const {
    KeysPlan plan;
    plan.devices = {"device-0"};
    plan.now = now;
    MakeKeys(temp_ / name, plan);
    return ReadDeviceKeys(temp_ / name + "/device-0", now);
  }

  const TempFolder temp_;
  const DeviceKeys device_ = Make("keys");
  const CloudKeys keys_ = ReadCloudKeys(temp_ / "keys/cloud");
  const Cloud cloud_{keys_};
  const std::shared_ptr<grpc::ChannelCredentials> own_ =
      Tls(device_.ca_pem, device_.key_pem, device_.certificate_pem);
};

TEST_F(HandshakeTest, ADeviceIsLetInByEveryNameOfTheCloud) {
  for (const char* host : {"localhost", "127.0.0.1", "[::1]"}) {
    EXPECT_TRUE(cloud_.LetsIn(host, own_)) << host;
  }
}

// gRPC compares addresses as texts, with the form that inet_ntop gives the certificate's.
TEST_F(HandshakeTest, AnAddressInAnotherFormIsAnotherName) {
  EXPECT_FALSE(cloud_.LetsIn("[0:0:0:0:0:0:0:1]", own_));
}

TEST_F(HandshakeTest, TheCloudByAnotherNameIsNotBelieved) {
  EXPECT_FALSE(cloud_.LetsIn("127.0.0.2", own_));
}

TEST_F(HandshakeTest, StrangersAreNotLetIn) {
  const DeviceKeys other = Make("other");
  const auto with_our_ca = Tls(device_.ca_pem, other.key_pem, other.certificate_pem);
  EXPECT_FALSE(cloud_.LetsIn("localhost", with_our_ca));
  EXPECT_FALSE(cloud_.LetsIn("localhost", Tls(device_.ca_pem, "", "")));
  EXPECT_FALSE(cloud_.LetsIn("localhost", grpc::InsecureChannelCredentials()));
}

TEST_F(HandshakeTest, ADeviceDoesNotBelieveAnotherCloud) {
  const DeviceKeys other = Make("other");
  EXPECT_FALSE(
      cloud_.LetsIn("localhost", Tls(other.ca_pem, device_.key_pem, device_.certificate_pem)));
}

TEST_F(HandshakeTest, AnExpiredDeviceIsNotLetIn) {
  AddDeviceKeys(temp_ / "keys", "late", 1, false, Now() - std::chrono::days(3));
  const auto file = [&](const std::string& name) { return ReadFile(temp_ / "keys/late/" + name); };
  EXPECT_FALSE(
      cloud_.LetsIn("localhost", Tls(device_.ca_pem, file("key.pem"), file("certificate.pem"))));
}

// Certificates of one authority, each for its own side.
TEST_F(HandshakeTest, ADeviceCannotPassForTheCloudNorTheCloudForADevice) {
  EXPECT_FALSE(
      cloud_.LetsIn("localhost", Tls(device_.ca_pem, keys_.key_pem, keys_.certificate_pem)));
  CloudKeys impostor = keys_;
  impostor.key_pem = device_.key_pem;
  impostor.certificate_pem = device_.certificate_pem;
  EXPECT_FALSE(Cloud(impostor).LetsIn("localhost", own_));
}

}  // namespace
}  // namespace hat
