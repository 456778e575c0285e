// What both ends of a gRPC stream have in common: one write at a time, small messages before
// pieces, pieces as far as there is credit.
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "runtime/serve/wire/connection.h"

namespace hat {

// `Out`, `In`: FromDevice and FromCloud, or the other way round.
template <class Out, class In>
class Stream : public Connection {
 public:
  using Clock = std::chrono::steady_clock;

  // What moves it; calls come one at a time.
  class Wire {
   public:
    virtual ~Wire() = default;
    virtual void StartWrite(const Out& message) = 0;  // which stays until OnWritten
    virtual void StartWritesDone() = 0;               // nothing is written afterwards
    virtual void EndCall(const std::string& why) = 0;
  };

  explicit Stream(Wire& wire) : wire_(&wire) {}

  void Send(Piece piece, std::function<void()> on_taken = {}) override {
    const std::lock_guard lock(mutex_);
    if (wire_ == nullptr) return;
    pieces_.push_back({std::move(piece), std::move(on_taken)});
    WriteNext();
  }

  void Close(const std::string& why) override {
    const std::lock_guard lock(mutex_);
    if (wire_ != nullptr) std::exchange(wire_, nullptr)->EndCall(why);
  }

  // Ends the stream once all that waits has been written.
  void Finish() {
    const std::lock_guard lock(mutex_);
    is_finishing_ = true;
    WriteNext();
  }

  // A message of another kind: before all pieces that wait.
  void SendSmall(Out message) {
    const std::lock_guard lock(mutex_);
    if (wire_ == nullptr) return;
    small_.push_back(std::move(message));
    WriteNext();
  }

  // Of these, those that wait to be written: many where the other end asks and does not read.
  size_t small_waiting() const {
    const std::lock_guard lock(mutex_);
    return small_.size();
  }

  void Listen(ConnectionEvents events) {
    const std::lock_guard telling(events_mutex_);
    events_ = std::move(events);
  }

  // -- what the wire tells, one call at a time but for OnWritten

  void OnWritten() {
    std::function<void()> on_taken;
    {
      const std::lock_guard lock(mutex_);
      is_writing_ = false;
      on_taken = std::exchange(on_taken_, nullptr);
      WriteNext();
    }
    if (on_taken) on_taken();
  }

  // A message that is no hello, welcome or heartbeat.
  void OnMessage(In& message) {
    last_heard_ = Clock::now();
    if (message.has_received()) {
      const std::lock_guard lock(mutex_);
      answered_ = message.received();
      WriteNext();
    } else if (message.has_piece()) {
      OnPiece(*message.mutable_piece());
    }
  }

  // The call is over: what is sent from now on is dropped.
  void OnEnd(const std::string& why) {
    Detach();
    const std::lock_guard telling(events_mutex_);
    const ConnectionEvents events = std::exchange(events_, {});
    if (events.on_closed) events.on_closed(why);
  }

  // The wire must not be used any more.
  void Detach() {
    const std::lock_guard lock(mutex_);
    wire_ = nullptr;
  }

  // When a message last came.
  Clock::time_point last_heard() const { return last_heard_; }

 private:
  struct Waiting {
    Piece piece;
    std::function<void()> on_taken;
  };

  template <class Message>
  void OnPiece(Message& message) {
    Piece piece;
    piece.bytes = std::move(*message.mutable_data());
    if (message.has_stamps()) {
      const auto& stamps = message.stamps();
      piece.stamps = {Seconds(stamps.sent_s()), Seconds(stamps.start_s()), Seconds(stamps.left_s()),
                      Seconds(stamps.arrives_s())};
    }
    received_ += piece.bytes.size();
    const bool answers = received_ - reported_ >= kCreditBytes / 4;
    {
      const std::lock_guard telling(events_mutex_);
      if (events_.on_piece) events_.on_piece(std::move(piece));
    }
    if (answers) {
      reported_ = received_;
      Out answer;
      answer.set_received(received_);
      SendSmall(std::move(answer));
    }
  }

  // Under the mutex.
  void WriteNext() {
    if (is_writing_ || wire_ == nullptr) return;
    if (!small_.empty()) {
      out_ = std::move(small_.front());
      small_.pop_front();
    } else if (!pieces_.empty() && sent_ - answered_ < kCreditBytes) {
      Waiting next = std::move(pieces_.front());
      pieces_.pop_front();
      sent_ += next.piece.bytes.size();
      on_taken_ = std::move(next.on_taken);
      Fill(std::move(next.piece));
    } else {
      if (is_finishing_ && pieces_.empty()) std::exchange(wire_, nullptr)->StartWritesDone();
      return;
    }
    is_writing_ = true;
    wire_->StartWrite(out_);
  }

  void Fill(Piece piece) {
    out_.Clear();
    auto& message = *out_.mutable_piece();
    message.set_data(std::move(piece.bytes));
    if (!piece.stamps) return;
    message.mutable_stamps()->set_sent_s(piece.stamps->sent.value());
    message.mutable_stamps()->set_start_s(piece.stamps->start.value());
    message.mutable_stamps()->set_left_s(piece.stamps->left.value());
    message.mutable_stamps()->set_arrives_s(piece.stamps->arrives.value());
  }

  std::mutex events_mutex_;  // held while one is told
  ConnectionEvents events_;

  mutable std::mutex mutex_;  // of what follows, but where it says otherwise
  Wire* wire_;                // null: nothing can be written any more
  bool is_finishing_ = false;
  std::deque<Out> small_;
  std::deque<Waiting> pieces_;
  bool is_writing_ = false;
  Out out_;  // while it is written
  std::function<void()> on_taken_;
  uint64_t sent_ = 0;      // bytes of pieces
  uint64_t answered_ = 0;  // of these, those that the other end has
  std::atomic<Clock::time_point> last_heard_ = Clock::now();
  uint64_t received_ = 0;  // bytes of pieces; of the reader's alone
  uint64_t reported_ = 0;  // likewise
};

}  // namespace hat
