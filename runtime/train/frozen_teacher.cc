#include "runtime/train/frozen_teacher.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <tuple>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

constexpr int64_t kLikeliest = 64;

// A record is a window's shallow states, deep states, likeliest logits, in fp16, and their tokens,
// in int32.
struct TaughtRecord {
  TaughtRecord(int64_t length, int64_t hidden, int64_t likeliest)
      : shallow(at::empty({length, hidden}, at::kHalf)),
        deep(at::empty({length, hidden}, at::kHalf)),
        logits(at::empty({length, likeliest}, at::kHalf)),
        tokens(at::empty({length, likeliest}, at::kInt)) {}

  std::vector<at::Tensor*> parts() { return {&shallow, &deep, &logits, &tokens}; }
  size_t bytes() {
    size_t all = 0;
    for (const at::Tensor* part : parts()) all += part->nbytes();
    return all;
  }
  std::vector<std::byte> Packed() {
    std::vector<std::byte> packed(bytes());
    size_t at = 0;
    for (const at::Tensor* part : parts()) {
      std::memcpy(packed.data() + at, part->data_ptr(), part->nbytes());
      at += part->nbytes();
    }
    return packed;
  }
  void Unpack(std::span<const std::byte> packed) {
    size_t at = 0;
    for (const at::Tensor* part : parts()) {
      std::memcpy(part->data_ptr(), packed.data() + at, part->nbytes());
      at += part->nbytes();
    }
  }

  at::Tensor shallow, deep, logits, tokens;
};

}  // namespace

FrozenTeacher::FrozenTeacher(const SequenceModel& model, int split)
    : model_(model),
      split_(split),
      likeliest_(std::min<int64_t>(kLikeliest, model.config().shape.vocabulary)) {}

void FrozenTeacher::KeepIn(const std::string& folder, double most_gb, const std::string& identity,
                           int64_t length) {
  length_ = length;
  TaughtRecord record(length, model_.config().shape.hidden, likeliest_);
  file_ = std::make_unique<StateFile>(folder, identity, record.bytes(), most_gb * 1e9);
}

Taught FrozenTeacher::Teach(const at::Tensor& windows, const std::vector<int64_t>& numbers) const {
  if (!file_ || numbers.empty() || windows.size(1) - 1 != length_) return Compute(windows);
  const auto is_kept = [&](int64_t number) { return file_->Has(number); };
  if (std::ranges::all_of(numbers, is_kept)) return Kept(numbers);
  const Taught taught = Compute(windows);
  for (size_t row = 0; row < numbers.size(); ++row) {
    if (is_kept(numbers[row]) || !file_->HasRoomFor(numbers[row])) continue;
    Keep(numbers[row], taught, static_cast<int64_t>(row));
  }
  return taught;
}

Taught FrozenTeacher::Compute(const at::Tensor& windows) const {
  const at::NoGradGuard no_gradient;
  const int64_t rows = windows.size(0), length = windows.size(1) - 1;
  Taught taught;
  taught.shallow = model_.Layers(model_.Embed(windows.narrow(1, 0, length)), 0, split_);
  taught.deep = model_.Layers(taught.shallow, split_, model_.config().shape.layer_count());
  const at::Tensor all = at::mm(model_.Normed(taught.deep), model_.output().t());
  std::tie(taught.logits, taught.tokens) = all.view({rows, length, -1}).topk(likeliest_, -1);
  return taught;
}

void FrozenTeacher::Keep(int64_t number, const Taught& taught, int64_t row) const {
  const at::NoGradGuard no_gradient;
  TaughtRecord record(length_, taught.shallow.size(2), likeliest_);
  record.shallow.copy_(taught.shallow[row]);
  record.deep.copy_(taught.deep[row]);
  record.logits.copy_(taught.logits[row]);
  record.tokens.copy_(taught.tokens[row]);
  file_->Write(number, record.Packed());
}

Taught FrozenTeacher::Kept(const std::vector<int64_t>& numbers) const {
  const at::NoGradGuard no_gradient;
  const auto rows = static_cast<int64_t>(numbers.size());
  const int64_t hidden = model_.config().shape.hidden;
  const auto options = model_.output().options();
  const auto empty = [&](int64_t values, const at::TensorOptions& of) {
    return at::empty({rows, length_, values}, of);
  };
  const Taught taught{empty(hidden, options), empty(hidden, options),
                      empty(likeliest_, options.dtype(at::kLong)), empty(likeliest_, options)};
  TaughtRecord record(length_, hidden, likeliest_);
  std::vector<std::byte> packed(record.bytes());
  for (int64_t row = 0; row < rows; ++row) {
    file_->Read(numbers[static_cast<size_t>(row)], packed);
    record.Unpack(packed);
    taught.shallow[row].copy_(record.shallow);
    taught.deep[row].copy_(record.deep);
    taught.tokens[row].copy_(record.tokens);
    taught.logits[row].copy_(record.logits);
  }
  return taught;
}

}  // namespace hat
