// Frames of a peer, in pieces whose sizes the input says too: no bytes may crash the reader, or
// make it hold more than it may; and what it takes, it would write the same.
#include <cstdint>
#include <cstdlib>

#include "core/error.h"
#include "protocol/frame_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kHidden = 5;
  const hat::Bytes most(4096);
  hat::FrameReader reader(kHidden, most);
  try {
    while (size > 1) {
      const size_t piece = std::min<size_t>(size - 1, data[0]);
      reader.Read({reinterpret_cast<const std::byte*>(data + 1), piece}, [&](hat::Frame frame) {
        if (hat::Bytes(double(hat::EncodeFrame(frame, kHidden).size())) > most) std::abort();
      });
      data += piece + 1;
      size -= piece + 1;
    }
  } catch (const hat::InputError&) {
  }
  return 0;
}
