#include "runtime/serve/wire/wire_server.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/steady_time.h"
#include "runtime/serve/wire/handshake.h"
#include "runtime/serve/wire/stream.h"
#include "wire.grpc.pb.h"

namespace hat {
namespace {

using CloudStream = Stream<wire::FromCloud, wire::FromDevice>;

// Of answers to a peer that asks and does not read.
constexpr size_t kMostWaiting = 2 * kCreditBytes / kPieceBytes;

std::string_view View(const grpc::string_ref& text) { return {text.data(), text.size()}; }

// The name in the certificate by which the peer has shown who it is.
std::string CertifiedName(const grpc::ServerContextBase& context) {
  const auto names = context.auth_context()->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  return names.empty() ? "" : std::string(View(names.front()));
}

}  // namespace

class WireServer::Impl : public wire::Cloud::CallbackService {
 public:
  explicit Impl(Setup setup);
  ~Impl() override;

  int port() const { return port_; }
  std::vector<Peer> peers() const;

  grpc::ServerBidiReactor<wire::FromDevice, wire::FromCloud>* Connect(
      grpc::CallbackServerContext* context) override;

 private:
  class Call;

  // Who the caller is; or why it is not let in.
  std::optional<KnownPeer> Identify(const grpc::CallbackServerContext& context,
                                    std::string* why) const;
  void Open(const KnownPeer& device, const std::shared_ptr<CloudStream>& stream);
  void Forget(int device, const CloudStream* stream);
  void Watch();

  Setup setup_;
  int port_ = 0;
  mutable std::mutex mutex_;  // of what follows
  struct OpenStream {
    std::string name;
    std::shared_ptr<CloudStream> stream;
  };
  std::map<int, OpenStream> open_;  // by device
  std::set<Call*> calls_;           // those too that have not said hello
  bool is_stopping_ = false;
  std::condition_variable changed_;
  std::thread watch_;
  std::unique_ptr<grpc::Server> server_;
};

// One call; lives until gRPC is done with it.
class WireServer::Impl::Call : public grpc::ServerBidiReactor<wire::FromDevice, wire::FromCloud>,
                               private CloudStream::Wire {
 public:
  Call(Impl& impl, grpc::CallbackServerContext& context)
      : impl_(impl), peer_(context.peer()), stream_(new CloudStream(*this)) {
    std::string why;
    device_ = impl_.Identify(context, &why);
    if (device_) {
      StartRead(&in_);
    } else {
      Refuse(why, grpc::StatusCode::UNAUTHENTICATED);
    }
  }

  CloudStream& stream() { return *stream_; }
  bool has_said_hello() const { return is_open_; }

  void OnReadDone(bool ok) override {
    if (!ok) return stream_->Close("");
    if (stream_->small_waiting() > kMostWaiting) {
      return Refuse("it does not read what it is answered", grpc::StatusCode::RESOURCE_EXHAUSTED);
    }
    if (in_.has_probe() && !is_open_) {
      if (Answer(in_.probe())) StartRead(&in_);
      return;
    }
    if (in_.has_hello() != !is_open_) {
      return Refuse(is_open_ ? "a second hello" : "no hello came first",
                    grpc::StatusCode::INVALID_ARGUMENT);
    }
    if (!is_open_) {
      if (!Greet(in_.hello())) return;
    } else {
      stream_->OnMessage(in_);
      if (in_.has_heartbeat()) {
        wire::FromCloud answer;
        answer.set_heartbeat(in_.heartbeat());
        stream_->SendSmall(std::move(answer));
      }
    }
    StartRead(&in_);
  }
  void OnWriteDone(bool ok) override {
    if (ok) stream_->OnWritten();
  }
  void OnCancel() override { stream_->Close("the device is gone"); }
  void OnDone() override {
    stream_->OnEnd(why_);
    if (is_open_) impl_.Forget(device_->number, stream_.get());
    {
      const std::lock_guard lock(impl_.mutex_);
      impl_.calls_.erase(this);
      impl_.changed_.notify_all();
    }
    delete this;
  }

 private:
  void StartWrite(const wire::FromCloud& message) override {
    ServerBidiReactor::StartWrite(&message);
  }
  void StartWritesDone() override { EndCall(""); }
  void EndCall(const std::string& why) override {
    why_ = why.empty() ? "the device has ended it" : why;
    Finish(why.empty() ? grpc::Status::OK : grpc::Status(code_, why));
  }

  void Refuse(const std::string& why, grpc::StatusCode code) {
    if (impl_.setup_.on_refused) impl_.setup_.on_refused(peer_, why);
    code_ = code;
    stream_->Close(why);
  }

  // False: it was refused.
  bool Answer(const wire::Probe& probe) {
    if (probe.answer_bytes() > kPieceBytes) {
      Refuse(fmt::format("a probe that asks for {} bytes; at most {}", probe.answer_bytes(),
                         kPieceBytes),
             grpc::StatusCode::INVALID_ARGUMENT);
      return false;
    }
    stream_->OnMessage(in_);  // it has been heard
    wire::FromCloud answer;
    answer.set_probed(std::string(probe.answer_bytes(), '\0'));
    stream_->SendSmall(std::move(answer));
    return true;
  }

  // Likewise.
  bool Greet(const wire::Hello& hello) {
    if (const auto problem = HelloProblem(hello)) {
      Refuse(*problem, grpc::StatusCode::INVALID_ARGUMENT);
      return false;
    }
    if (const auto why = Disagreement(impl_.setup_.agreed, HandshakeOf(hello))) {
      Refuse(fmt::format("{}: {}", device_->name, *why), grpc::StatusCode::FAILED_PRECONDITION);
      return false;
    }
    is_open_ = true;
    wire::FromCloud answer;
    answer.mutable_welcome()->set_device(static_cast<uint32_t>(device_->number));
    answer.mutable_welcome()->set_stages(static_cast<uint32_t>(impl_.setup_.stages));
    stream_->SendSmall(std::move(answer));
    impl_.Open(*device_, stream_);
    return true;
  }

  Impl& impl_;
  std::string peer_;
  std::optional<KnownPeer> device_;
  std::shared_ptr<CloudStream> stream_;
  std::atomic<bool> is_open_ = false;
  grpc::StatusCode code_ = grpc::StatusCode::ABORTED;
  std::string why_;
  wire::FromDevice in_;
};

WireServer::Impl::Impl(Setup setup) : setup_(std::move(setup)) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = setup_.tls.ca;
  options.pem_key_cert_pairs.push_back({setup_.tls.key, setup_.tls.certificate});
  grpc::ServerBuilder builder;
  builder.AddListeningPort(setup_.listen, grpc::SslServerCredentials(options), &port_);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // a second server there is a mistake
  builder.SetMaxReceiveMessageSize(static_cast<int>(kPieceBytes) + 1024);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) {
    throw InputError(fmt::format(
        "cannot listen on '{}': no such address here, or its port is in use", setup_.listen));
  }
  watch_ = std::thread([this] { Watch(); });
}

WireServer::Impl::~Impl() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    changed_.notify_all();
  }
  watch_.join();
  server_->Shutdown(std::chrono::system_clock::now());  // cancels the calls
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return calls_.empty(); });
}

grpc::ServerBidiReactor<wire::FromDevice, wire::FromCloud>* WireServer::Impl::Connect(
    grpc::CallbackServerContext* context) {
  auto* const call = new Call(*this, *context);
  const std::lock_guard lock(mutex_);
  calls_.insert(call);
  return call;
}

std::optional<KnownPeer> WireServer::Impl::Identify(const grpc::CallbackServerContext& context,
                                                    std::string* why) const {
  constexpr std::string_view kBearer = "Bearer ";
  const auto found = context.client_metadata().find("authorization");
  std::optional<KnownPeer> device;
  if (found != context.client_metadata().end() && View(found->second).starts_with(kBearer)) {
    device = setup_.find_device(View(found->second).substr(kBearer.size()));
  }
  const std::string name = CertifiedName(context);
  if (!device) {
    *why = fmt::format("'{}' has no token that is known here", name);
  } else if (device->name != name) {
    *why = fmt::format("'{}' has the token of '{}'", name, device->name);
    device.reset();
  }
  return device;
}

void WireServer::Impl::Open(const KnownPeer& device, const std::shared_ptr<CloudStream>& stream) {
  std::shared_ptr<CloudStream> before;
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(open_[device.number], {device.name, stream}).stream;
  }
  if (before) {
    before->Close(kReplaced);
    before->OnEnd(kReplaced);
  }
  stream->Listen(setup_.on_open(device.number, stream));
}

void WireServer::Impl::Forget(int device, const CloudStream* stream) {
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(device);
  if (found != open_.end() && found->second.stream.get() == stream) open_.erase(found);
}

std::vector<WireServer::Peer> WireServer::Impl::peers() const {
  const auto now = CloudStream::Clock::now();
  const std::lock_guard lock(mutex_);
  std::vector<Peer> peers;
  for (const auto& [device, open] : open_) {
    const std::chrono::duration<double> silence = now - open.stream->last_heard();
    peers.push_back({{device, open.name}, Seconds(silence.count())});
  }
  return peers;
}

void WireServer::Impl::Watch() {
  const auto silence = SteadySpan(setup_.silence_s);
  std::unique_lock lock(mutex_);
  for (auto before = CloudStream::Clock::now();
       !changed_.wait_for(lock, silence / 4, [this] { return is_stopping_; });) {
    const auto now = CloudStream::Clock::now();
    const bool stood_still = now - std::exchange(before, now) > silence / 2;
    if (stood_still) continue;  // this program did: what has come meanwhile is yet to be read
    const auto oldest = now - silence;
    for (Call* const call : calls_) {
      if (call->stream().last_heard() < oldest) {
        call->stream().Close(fmt::format("nothing came for {:g} s", setup_.silence_s));
      }
    }
  }
}

WireServer::WireServer(Setup setup) : impl_(std::make_unique<Impl>(std::move(setup))) {}
WireServer::~WireServer() = default;
int WireServer::port() const { return impl_->port(); }
std::vector<WireServer::Peer> WireServer::peers() const { return impl_->peers(); }

}  // namespace hat
