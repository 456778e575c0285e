// What a drafter learns from: a frozen model's shallow states, deep states and next tokens after
// windows of text. Computed each time or, since they do not change, kept on disk: then a later
// epoch costs the drafter's own arithmetic alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/train/sequence_model.h"
#include "runtime/train/state_file.h"

namespace hat {

struct Taught {
  at::Tensor shallow;  // [rows, length, hidden]
  at::Tensor deep;     // the same
  // Of the 64 tokens that the model finds likeliest (all of a smaller vocabulary), likeliest first,
  // [rows, length, 64] each.
  at::Tensor tokens;  // int64
  at::Tensor logits;
};

class FrozenTeacher {
 public:
  FrozenTeacher(const SequenceModel& model, int split);

  // From now on what is taught of numbered windows of `length` is kept in `folder`, in fp16, at
  // most `most_gb`; what is there already of the same `identity` is used. Throws as StateFile.
  void KeepIn(const std::string& folder, double most_gb, const std::string& identity,
              int64_t length);

  // windows: int64 [rows, length + 1]. `numbers`: each one's place in the text, the same in every
  // epoch; none: computed.
  Taught Teach(const at::Tensor& windows, const std::vector<int64_t>& numbers) const;

 private:
  Taught Compute(const at::Tensor& windows) const;
  void Keep(int64_t number, const Taught& taught, int64_t row) const;
  Taught Kept(const std::vector<int64_t>& numbers) const;

  const SequenceModel& model_;
  int split_;
  int64_t length_ = 0, likeliest_ = 0;
  std::unique_ptr<StateFile> file_;
};

}  // namespace hat
