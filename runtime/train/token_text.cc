#include "runtime/train/token_text.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/random.h"
#include "runtime/trace/genre_text.h"

namespace hat {
namespace {

at::Tensor ToTensor(const std::vector<int32_t>& tokens) {
  return at::from_blob(const_cast<int32_t*>(tokens.data()), {static_cast<int64_t>(tokens.size())},
                       at::kInt)
      .to(at::kLong);
}

}  // namespace

int64_t TokenText::TokenCount() const {
  int64_t count = 0;
  for (const Genre& genre : genres) count += static_cast<int64_t>(genre.tokens.size());
  return count;
}

std::string TokenText::Hash() const {
  std::string content;
  for (const Genre& genre : genres) {
    content += genre.name + "\n";
    content.append(reinterpret_cast<const char*>(genre.tokens.data()),
                   genre.tokens.size() * sizeof(int32_t));
  }
  return Sha256Hex(content);
}

TokenText ReadTokenText(const std::string& path, const Tokenizer& tokenizer, int begin_token,
                        bool finds_controls) {
  TokenText text;
  for (const GenreText& read : ReadGenres(path)) {
    Genre& genre = text.genres.emplace_back();
    genre.name = read.name;
    for (const std::string& document : read.documents) {
      genre.documents.push_back(genre.tokens.size());
      genre.bytes += document.size();
      if (begin_token >= 0) genre.tokens.push_back(begin_token);
      const std::vector<int32_t> ids =
          finds_controls ? tokenizer.EncodePrompt(document) : tokenizer.Encode(document);
      genre.tokens.insert(genre.tokens.end(), ids.begin(), ids.end());
    }
  }
  return text;
}

TokenText SplitOffEnd(TokenText& text, int one_in) {
  TokenText end;
  for (Genre& genre : text.genres) {
    const size_t kept = genre.tokens.size() - genre.tokens.size() / one_in;
    Genre tail;
    tail.name = genre.name;
    tail.tokens.assign(genre.tokens.begin() + static_cast<ptrdiff_t>(kept), genre.tokens.end());
    tail.documents = {0};
    tail.bytes = genre.bytes / one_in;
    genre.bytes -= tail.bytes;
    genre.tokens.resize(kept);
    std::erase_if(genre.documents, [&](size_t start) { return start >= kept; });
    end.genres.push_back(std::move(tail));
  }
  return end;
}

WindowSampler::WindowSampler(const TokenText& text, uint64_t seed, bool is_fixed)
    : seed_(seed), is_fixed_(is_fixed) {
  std::vector<at::Tensor> parts;
  for (const Genre& genre : text.genres) parts.push_back(ToTensor(genre.tokens));
  tokens_ = at::cat(parts);
}

void WindowSampler::CheckLength(int64_t length) const {
  if (tokens_.numel() >= 2 * length + 1) return;
  throw InputError("the text has " + std::to_string(tokens_.numel()) +
                   " tokens, too few for windows of " + std::to_string(length) +
                   ": it takes more than twice as many");
}

const WindowSampler::Order& WindowSampler::OrderOf(uint64_t epoch, int64_t length,
                                                   int64_t in_epoch) const {
  const auto key = std::pair(epoch, length);
  if (!order_ || order_->key != key) {
    const RngStream stream = RngStream(seed_, "train/windows").At(static_cast<uint64_t>(length));
    RngStream offset = stream.At(epoch, 1);
    order_ = Order{key, is_fixed_ ? 0 : offset.UniformInt(static_cast<int>(length)),
                   RandomPermutation(stream.At(epoch, 2), static_cast<int>(in_epoch))};
  }
  return *order_;
}

at::Tensor WindowSampler::Window(int64_t index, int64_t length) const {
  HAT_CHECK(tokens_.numel() >= 2 * length + 1);
  const int64_t in_epoch = WindowsOfEpoch(length);
  const Order& order = OrderOf(static_cast<uint64_t>(index / in_epoch), length, in_epoch);
  const int64_t start =
      order.offset + length * order.permutation[static_cast<size_t>(index % in_epoch)];
  return tokens_.narrow(0, start, length + 1);
}

std::vector<int64_t> WindowSampler::Numbers(int64_t index, int64_t rows, int64_t length) const {
  std::vector<int64_t> numbers;
  const int64_t in_epoch = WindowsOfEpoch(length);
  for (int64_t i = index; is_fixed_ && i < index + rows; ++i) {
    const Order& order = OrderOf(static_cast<uint64_t>(i / in_epoch), length, in_epoch);
    numbers.push_back(order.permutation[static_cast<size_t>(i % in_epoch)]);
  }
  return numbers;
}

at::Tensor WindowSampler::Batch(int64_t index, int64_t rows, int64_t length) const {
  std::vector<at::Tensor> windows;
  for (int64_t row = 0; row < rows; ++row) windows.push_back(Window(index + row, length));
  return at::stack(windows);
}

at::Tensor SpreadWindows(const Genre& genre, int64_t count, int64_t length) {
  const auto tokens = static_cast<int64_t>(genre.tokens.size());
  const int64_t rows = std::min(count, tokens / (length + 1));
  const at::Tensor all = ToTensor(genre.tokens);
  at::Tensor result = at::empty({rows, length + 1}, at::kLong);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t start = rows > 1 ? row * (tokens - length - 1) / (rows - 1) : 0;
    result[row].copy_(all.narrow(0, start, length + 1));
  }
  return result;
}

}  // namespace hat
