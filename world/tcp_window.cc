#include "world/tcp_window.h"

#include <algorithm>
#include <cmath>

namespace hat {

void TcpWindow::RestAfter(Seconds pause) {
  if (pause < shape_.pause) return;
  round_ = left_ - shape_.round_trip;  // all of it is acknowledged
  in_round_ = Bytes(0);
  const double halvings = std::min(std::floor(pause / shape_.pause), 60.0);
  window_ = std::min(window_, std::max(shape_.first, window_ / std::exp2(halvings)));
}

Seconds TcpWindow::Send(Seconds start, Bytes size, const Line& line) {
  const auto begin_round = [this](Seconds now) {
    if (in_round_ >= window_) window_ = 2 * window_;
    round_ = now;
    in_round_ = Bytes(0);
  };
  if (start >= round_ + shape_.round_trip) begin_round(start);
  RestAfter(start - left_);
  Seconds now = start;
  while (size > Bytes(0)) {
    if (now >= round_ + shape_.round_trip) begin_round(now);
    const Bytes part = std::min(size, window_ - in_round_);
    const Seconds end = line(now, part);
    in_round_ += part;
    size -= part;
    now = left_ = end;
    if (in_round_ < window_) break;  // all has left
    const Seconds acknowledged = round_ + shape_.round_trip;
    if (now >= acknowledged) {
      // Acknowledgements come while the window still leaves: the line is busy from here on.
      now = left_ = line(now, size);
      round_ = now - shape_.round_trip;
      in_round_ = Bytes(0);
      break;
    }
    if (size > Bytes(0)) now = acknowledged;
  }
  return now;
}

}  // namespace hat
