#include "tests/bench/bare_stream.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <mutex>

#include "wire.grpc.pb.h"

namespace hat {

class BareServer::Impl : public wire::Cloud::CallbackService {
 public:
  explicit Impl(const TlsTexts& tls) {
    grpc::SslServerCredentialsOptions options(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = tls.ca;
    options.pem_key_cert_pairs.push_back({tls.key, tls.certificate});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(options), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Impl() override {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  grpc::ServerBidiReactor<wire::FromDevice, wire::FromCloud>* Connect(
      grpc::CallbackServerContext*) override {
    return new Echo(streams_);
  }
  int port() const { return port_; }
  double streams() const { return streams_; }

 private:
  class Echo : public grpc::ServerBidiReactor<wire::FromDevice, wire::FromCloud> {
   public:
    explicit Echo(std::atomic<int>& streams) : streams_(streams) {
      ++streams_;
      StartRead(&in_);
    }
    void OnReadDone(bool ok) override {
      if (!ok) return Finish(grpc::Status::OK);
      *out_.mutable_piece()->mutable_data() = std::move(*in_.mutable_piece()->mutable_data());
      StartWrite(&out_);
    }
    void OnWriteDone(bool ok) override {
      if (ok) StartRead(&in_);
    }
    void OnDone() override {
      --streams_;
      delete this;
    }

   private:
    std::atomic<int>& streams_;
    wire::FromDevice in_;
    wire::FromCloud out_;
  };

  int port_ = 0;
  std::atomic<int> streams_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

BareServer::BareServer(const TlsTexts& tls) : impl_(std::make_unique<Impl>(tls)) {}
BareServer::~BareServer() = default;
int BareServer::port() const { return impl_->port(); }
double BareServer::streams() const { return impl_->streams(); }

class BareClient::Impl : public grpc::ClientBidiReactor<wire::FromDevice, wire::FromCloud> {
 public:
  Impl(const TlsTexts& tls, int port) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(
        fmt::format("127.0.0.1:{}", port), grpc::SslCredentials({tls.ca, tls.key, tls.certificate}),
        arguments);
    stub_ = wire::Cloud::NewStub(channel);
    stub_->async()->Connect(&context_, this);
    AddHold();
    StartCall();
  }
  ~Impl() override {
    context_.TryCancel();
    RemoveHold();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_done_; });
  }

  void Play(size_t bytes, bool once, std::atomic<int64_t>& answers) {
    is_once_ = once;
    answers_ = &answers;
    out_.mutable_piece()->mutable_data()->assign(bytes, 'x');
    StartRead(&in_);
    StartWrite(&out_);
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    ++*answers_;
    StartRead(&in_);
    GoOn();
  }
  void OnWriteDone(bool ok) override {
    if (ok) GoOn();
  }
  void OnDone(const grpc::Status&) override {
    const std::lock_guard lock(mutex_);
    is_done_ = true;
    changed_.notify_all();
  }

 private:
  // An answer may come before gRPC says that what it answers is written: the later one goes on.
  void GoOn() {
    if (++ended_ % 2 == 0 && !is_once_) StartWrite(&out_);
  }

  std::unique_ptr<wire::Cloud::Stub> stub_;
  grpc::ClientContext context_;
  wire::FromDevice out_;
  wire::FromCloud in_;
  bool is_once_ = false;
  std::atomic<int64_t>* answers_ = nullptr;
  std::atomic<int64_t> ended_ = 0;  // writes and reads
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_done_ = false;
};

BareClient::BareClient(const TlsTexts& tls, int port) : impl_(std::make_unique<Impl>(tls, port)) {}
BareClient::~BareClient() = default;
void BareClient::PlayPingPong(size_t bytes, std::atomic<int64_t>& answers) {
  impl_->Play(bytes, false, answers);
}
void BareClient::SendOne(size_t bytes, std::atomic<int64_t>& answers) {
  impl_->Play(bytes, true, answers);
}

}  // namespace hat
