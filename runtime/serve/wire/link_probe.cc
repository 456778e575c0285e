#include "runtime/serve/wire/link_probe.h"

#include <fmt/format.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "core/steady_time.h"
#include "runtime/serve/wire/channel.h"
#include "wire.grpc.pb.h"

namespace hat {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kUnderWay = static_cast<int>(kCreditBytes / kPieceBytes);

Seconds Since(Clock::time_point start) {
  return Seconds(std::chrono::duration<double>(Clock::now() - start).count());
}

}  // namespace

class LinkProbe::Impl : private grpc::ClientBidiReactor<wire::FromDevice, wire::FromCloud> {
 public:
  explicit Impl(const Setup& setup);
  ~Impl() override;

  void Ask(size_t up, size_t down);
  // Blocks until there are more than `count` answers; how many. Throws RunError.
  int64_t WaitForAnswers(int64_t count);
  int64_t answers() const {
    const std::lock_guard lock(mutex_);
    return answers_;
  }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;
  void WriteNext();  // under the mutex

  const double timeout_s_;
  std::unique_ptr<wire::Cloud::Stub> stub_;
  grpc::ClientContext context_;
  wire::FromDevice out_;
  wire::FromCloud in_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<std::pair<size_t, size_t>> asked_;  // up, down; not written yet
  bool is_writing_ = false;
  bool is_over_ = false;  // nothing may be written any more
  bool is_done_ = false;
  std::string why_;
  int64_t answers_ = 0;
};

LinkProbe::Impl::Impl(const Setup& setup) : timeout_s_(setup.timeout_s) {
  const auto channel =
      ConnectedChannel(setup.cloud, setup.cloud_name, setup.tls,
                       Clock::now() + SteadySpan(setup.timeout_s), setup.timeout_s);
  stub_ = wire::Cloud::NewStub(channel);
  context_.AddMetadata("authorization", "Bearer " + setup.token);
  stub_->async()->Connect(&context_, this);
  AddHold();  // writes come from outside of gRPC's calls
  StartRead(&in_);
  StartCall();
}

LinkProbe::Impl::~Impl() {
  context_.TryCancel();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return is_done_; });
}

void LinkProbe::Impl::Ask(size_t up, size_t down) {
  const std::lock_guard lock(mutex_);
  asked_.emplace_back(up, down);
  WriteNext();
}

void LinkProbe::Impl::WriteNext() {
  if (is_writing_ || is_over_ || asked_.empty()) return;
  const auto [up, down] = asked_.front();
  asked_.pop_front();
  out_.mutable_probe()->mutable_data()->assign(up, '\0');
  out_.mutable_probe()->set_answer_bytes(static_cast<uint32_t>(down));
  is_writing_ = true;
  StartWrite(&out_);
}

int64_t LinkProbe::Impl::WaitForAnswers(int64_t count) {
  std::unique_lock lock(mutex_);
  const bool has_come =
      changed_.wait_for(lock, SteadySpan(timeout_s_), [&] { return answers_ > count || is_done_; });
  if (is_done_) throw RunError(fmt::format("the cloud has ended the measurement: {}", why_));
  if (!has_come) throw RunError(fmt::format("no answer within {:g} s", timeout_s_));
  return answers_;
}

void LinkProbe::Impl::OnReadDone(bool ok) {
  if (!ok) {
    {
      const std::lock_guard lock(mutex_);
      is_over_ = true;
    }
    return RemoveHold();
  }
  StartRead(&in_);
  const std::lock_guard lock(mutex_);
  ++answers_;
  changed_.notify_all();
}

void LinkProbe::Impl::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  is_writing_ = !ok;
  WriteNext();
}

void LinkProbe::Impl::OnDone(const grpc::Status& status) {
  const std::lock_guard lock(mutex_);
  why_ = status.error_message();
  is_done_ = true;
  changed_.notify_all();
}

LinkProbe::LinkProbe(const Setup& setup) : impl_(std::make_unique<Impl>(setup)) {}
LinkProbe::~LinkProbe() = default;

Seconds LinkProbe::RoundTrip(size_t up, size_t down) {
  const auto start = Clock::now();
  const int64_t before = impl_->answers();
  impl_->Ask(up, down);
  impl_->WaitForAnswers(before);
  return Since(start);
}

Seconds LinkProbe::UploadPieces(int pieces) {
  const auto start = Clock::now();
  const int64_t first = impl_->answers(), last = first + pieces;
  for (int64_t answered = first, asked = first; answered < last;
       answered = impl_->WaitForAnswers(answered)) {
    for (; asked < std::min(last, answered + kUnderWay); ++asked) impl_->Ask(kPieceBytes, 0);
  }
  return Since(start);
}

// From an answer to an answer, so that the way itself is not in it.
LinkProbe::Transfer LinkProbe::Transmit(size_t up, size_t down, Seconds lasting) {
  const int64_t first = impl_->answers();
  for (int i = 0; i < kUnderWay; ++i) impl_->Ask(up, down);
  const int64_t begin = impl_->WaitForAnswers(first);
  const auto start = Clock::now();
  int64_t asked = first + kUnderWay;
  int64_t answered = begin;
  do {
    for (; asked < answered + kUnderWay; ++asked) impl_->Ask(up, down);
    answered = impl_->WaitForAnswers(answered);
  } while (Since(start) < lasting);
  const Transfer transfer{static_cast<double>(answered - begin) * static_cast<double>(up + down),
                          Since(start)};
  while (answered < asked) answered = impl_->WaitForAnswers(answered);
  return transfer;
}

}  // namespace hat
