// Frames and their bytes, as cloud and device both count them: header and payload, without what
// gRPC, TLS and TCP add.
#pragma once

#include "protocol/observer.h"
#include "runtime/serve/metrics/instruments.h"

namespace hat {

class Traffic {
 public:
  explicit Traffic(Instruments& make) : up_(make, "up"), down_(make, "down") {}

  void Count(const FrameEvent& event) {
    const Way& way = event.direction == Direction::kUp ? up_ : down_;
    way.frames.Increment();
    way.bytes.Increment(event.size.value());
  }

 private:
  struct Way {
    Way(Instruments& make, const std::string& name)
        : frames(
              make.Counter("hat:frames_total", "Frames that have arrived.", {{"direction", name}})),
          bytes(make.Counter("hat:frame_bytes_total", "Bytes of frames that have arrived.",
                             {{"direction", name}})) {}
    prometheus::Counter& frames;
    prometheus::Counter& bytes;
  };

  Way up_, down_;
};

}  // namespace hat
