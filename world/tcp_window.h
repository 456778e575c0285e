// What TCP does to a transfer after a pause, beyond a link's rate: slow start. It may have a window
// of bytes under way that are not acknowledged; the window doubles each round trip in which it was
// used up, until it keeps the line busy, and is halved again by pauses. A closed form of the
// kernel's rules (RFC 5681, RFC 2861) without their losses.
#pragma once

#include <functional>

#include "core/units.h"

namespace hat {

class TcpWindow {
 public:
  struct Shape {
    Bytes first;         // at the beginning, and at least after any pause
    Seconds pause;       // the window is halved for each that passes with nothing under way
    Seconds round_trip;  // from the first byte's leaving to its acknowledgement
  };
  // When the last of `size` bytes has left a line that is free, the first at `start`.
  using Line = std::function<Seconds(Seconds start, Bytes size)>;

  explicit TcpWindow(const Shape& shape) : shape_(shape), window_(shape.first) {}

  // When the last of `size` bytes has left if they may begin at `start`. Transfers come in order.
  // Worked number: a window of 10 KB, a round trip of 100 ms, a line of 1 MB/s, 30 KB: 10 KB leave
  // at once, and the other 20 KB after the first acknowledgement, until 120 ms.
  Seconds Send(Seconds start, Bytes size, const Line& line);

  Bytes window() const { return window_; }

 private:
  void RestAfter(Seconds pause);

  Shape shape_;
  Bytes window_;
  Seconds round_ = Seconds(-1e9);  // when the newest round trip began
  Bytes in_round_;                 // has left in it
  Seconds left_ = Seconds(0);      // the newest byte
};

}  // namespace hat
