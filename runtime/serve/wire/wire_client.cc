#include "runtime/serve/wire/wire_client.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/steady_time.h"
#include "runtime/serve/wire/channel.h"
#include "runtime/serve/wire/handshake.h"
#include "runtime/serve/wire/stream.h"
#include "wire.grpc.pb.h"

namespace hat {
namespace {

using DeviceStream = Stream<wire::FromDevice, wire::FromCloud>;
using Clock = DeviceStream::Clock;

constexpr double kPause_s = 0.1;  // before another connection

// A connection that broke before the welcome. It says nothing of what the cloud thinks.
struct BrokenConnection : RunError {
  using RunError::RunError;
};

}  // namespace

class WireClient::Impl : private grpc::ClientBidiReactor<wire::FromDevice, wire::FromCloud>,
                         private DeviceStream::Wire {
 public:
  // Throws RunError, and BrokenConnection where another try may do better.
  Impl(const Setup& setup, Clock::time_point deadline);
  ~Impl() override;

  const Welcome& welcome() const { return welcome_; }
  Connection& connection() { return stream_; }
  Seconds round_trip() const {
    const std::lock_guard lock(mutex_);
    return round_trip_;
  }
  Seconds silence() const {
    return Seconds(std::chrono::duration<double>(Clock::now() - stream_.last_heard()).count());
  }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override {
    if (ok) stream_.OnWritten();
  }
  void OnDone(const grpc::Status& status) override;

  void StartWrite(const wire::FromDevice& message) override {
    ClientBidiReactor::StartWrite(&message);
  }
  void StartWritesDone() override { ClientBidiReactor::StartWritesDone(); }
  void EndCall(const std::string& why) override {
    {
      const std::lock_guard lock(mutex_);
      why_ = why;
    }
    context_.TryCancel();
  }

  void OnHeartbeat(uint64_t number);
  void SayHello(Clock::time_point deadline);
  void Beat();

  Setup setup_;
  std::unique_ptr<wire::Cloud::Stub> stub_;
  grpc::ClientContext context_;
  DeviceStream stream_{*this};
  wire::FromCloud in_;
  Welcome welcome_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  bool is_welcome_ = false;
  bool is_done_ = false;
  bool is_broken_ = false;  // done, and not because the cloud said so
  bool is_leaving_ = false;
  std::string why_;  // the stream has ended
  uint64_t beats_ = 0;
  Clock::time_point beat_at_;
  Seconds round_trip_;
  std::thread heart_;
};

WireClient::Impl::Impl(const Setup& setup, Clock::time_point deadline) : setup_(setup) {
  const auto channel =
      ConnectedChannel(setup_.cloud, setup_.cloud_name, setup_.tls, deadline, setup_.timeout_s);
  stub_ = wire::Cloud::NewStub(channel);
  context_.AddMetadata("authorization", "Bearer " + setup_.token);
  stub_->async()->Connect(&context_, this);
  AddHold();  // writes come from outside of gRPC's calls
  StartRead(&in_);
  StartCall();
  SayHello(deadline);
  heart_ = std::thread([this] { Beat(); });
}

void WireClient::Impl::SayHello(Clock::time_point deadline) {
  wire::FromDevice hello;
  *hello.mutable_hello() = HelloOf(setup_.hello);
  stream_.SendSmall(std::move(hello));
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return is_welcome_ || is_done_; });
  if (is_welcome_) return;
  context_.TryCancel();
  changed_.wait(lock, [this] { return is_done_; });
  if (is_broken_) {
    throw BrokenConnection(fmt::format("the stream to the cloud at '{}' broke before it began: {}",
                                       setup_.cloud, why_));
  }
  throw RunError(fmt::format("the cloud at '{}' refused: {}", setup_.cloud, why_));
}

WireClient::Impl::~Impl() {
  stream_.Listen({});
  stream_.Finish();
  std::unique_lock lock(mutex_);
  is_leaving_ = true;
  changed_.notify_all();
  if (!changed_.wait_for(lock, std::chrono::seconds(1), [this] { return is_done_; })) {
    context_.TryCancel();
    changed_.wait(lock, [this] { return is_done_; });
  }
  lock.unlock();
  heart_.join();
}

void WireClient::Impl::OnReadDone(bool ok) {
  if (!ok) {
    stream_.Detach();
    return RemoveHold();
  }
  if (in_.has_welcome()) {
    const std::lock_guard lock(mutex_);
    welcome_ = {.device = static_cast<int>(in_.welcome().device()),
                .stages = static_cast<int>(in_.welcome().stages())};
    is_welcome_ = true;
    stream_.Listen(setup_.events);
    changed_.notify_all();
  }
  if (in_.has_heartbeat()) OnHeartbeat(in_.heartbeat());
  stream_.OnMessage(in_);
  StartRead(&in_);
}

void WireClient::Impl::OnHeartbeat(uint64_t number) {
  const std::lock_guard lock(mutex_);
  if (number != beats_) return;
  round_trip_ = Seconds(std::chrono::duration<double>(Clock::now() - beat_at_).count());
}

void WireClient::Impl::OnDone(const grpc::Status& status) {
  std::string why;
  {
    const std::lock_guard lock(mutex_);
    is_broken_ = why_.empty() && status.error_code() == grpc::StatusCode::UNAVAILABLE;
    if (why_.empty()) {
      why_ = status.ok()                       ? "the cloud has ended the stream"
             : !status.error_message().empty() ? status.error_message()
                                               : "the stream broke";
    }
    why = why_;
  }
  stream_.OnEnd(why);
  const std::lock_guard lock(mutex_);
  is_done_ = true;
  changed_.notify_all();
}

void WireClient::Impl::Beat() {
  const auto period = SteadySpan(setup_.heartbeat_s);
  std::unique_lock lock(mutex_);
  for (auto before = Clock::now();
       !changed_.wait_for(lock, period, [this] { return is_done_ || is_leaving_; });) {
    const auto now = Clock::now();
    const bool stood_still = now - std::exchange(before, now) > 2 * period;
    const auto silence = now - stream_.last_heard();
    wire::FromDevice message;
    message.set_heartbeat(++beats_);
    beat_at_ = Clock::now();
    lock.unlock();
    stream_.SendSmall(std::move(message));
    if (silence > 3 * period && !stood_still) {  // else what has come is yet to be read
      stream_.Close(fmt::format("nothing came from the cloud for {:g} s", 3 * setup_.heartbeat_s));
    }
    lock.lock();
  }
}

WireClient::WireClient(const Setup& setup) {
  const auto deadline = Clock::now() + SteadySpan(setup.timeout_s);
  while (impl_ == nullptr) {
    try {
      impl_ = std::make_unique<Impl>(setup, deadline);
    } catch (const BrokenConnection&) {
      if (Clock::now() + SteadySpan(kPause_s) > deadline) throw;
      std::this_thread::sleep_for(SteadySpan(kPause_s));
    }
  }
}
WireClient::~WireClient() = default;
const Welcome& WireClient::welcome() const { return impl_->welcome(); }
Connection& WireClient::connection() { return impl_->connection(); }
Seconds WireClient::round_trip() const { return impl_->round_trip(); }
Seconds WireClient::silence() const { return impl_->silence(); }

}  // namespace hat
