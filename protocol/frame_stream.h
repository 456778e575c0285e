// Frames as a stream of bytes, one after the other, and back: the 64-byte header, the kept indices,
// a tree's parents, the states (docs/formats.md). As many bytes as FrameBytes counts.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "protocol/frame.h"

namespace hat {

// A frame's bytes. Its vectors have the sizes that its header says (HAT_CHECK).
std::string EncodeFrame(const Frame& frame, int hidden);

// Takes a stream in pieces of any size. What a frame announces is checked before any of the rest is
// kept, so a peer costs no more memory than `most`.
class FrameReader {
 public:
  // `hidden`: values per state. `most`: of a frame's bytes.
  FrameReader(int hidden, Bytes most);

  // Tells each frame that is now whole. Throws InputError for bytes that are no frame of a split
  // system (DecodeHeader), and for one of more than `most`; nothing can be read afterwards.
  void Read(std::span<const std::byte> bytes, const std::function<void(Frame)>& on_frame);

  // Whether a frame has begun that is not whole.
  bool is_within_frame() const { return filled_ > 0; }

 private:
  void Begin();  // the header is there
  // The part that byte `filled_` belongs to, from there on.
  std::span<std::byte> Rest();

  int hidden_;
  Bytes most_;
  std::array<std::byte, kFrameHeaderBytes> header_{};
  Frame frame_;
  size_t filled_ = 0;  // bytes of the frame, header included
  size_t size_ = 0;    // of the frame, once its header is there
};

}  // namespace hat
