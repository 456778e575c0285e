// What comes to a session from outside: the cloud's answers, and that it is to end.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "protocol/frame.h"
#include "protocol/observer.h"
#include "world/channel.h"

namespace hat {

// How a session ended.
struct SessionEnd {
  Outcome outcome = Outcome::kCompleted;
  std::string reason = {};        // where it did not complete
  std::exception_ptr cause = {};  // what a port of the device threw, where that was the reason
  bool may_go_on = false;         // the link is gone: over another one its rest could be served
};

// An answer from the cloud and when its last byte arrived.
struct Delivery {
  Frame frame;
  Seconds arrived;
};

class Inbox : public Channel<Delivery> {
 public:
  using Channel::Channel;

  // The session is to end like this; the first call counts. Calls come one at a time.
  void End(SessionEnd end) {
    if (is_closed()) return;
    end_ = std::move(end);
    Close();
  }
  const SessionEnd& end() const { return end_; }  // once it is closed

 private:
  SessionEnd end_;
};

}  // namespace hat
