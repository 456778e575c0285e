// The GGUF format (llama.cpp's, versions 2 and 3, little-endian): named values, named tensors, the
// tensors' bytes, which may be quantised in blocks. Read strictly. Free of torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hat {

// How a tensor is stored: those that can be read.
enum class GgufType { kF32, kF16, kBf16, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ4_K, kQ5_K, kQ6_K };

// Values of a block, and its bytes.
struct GgufBlock {
  int values = 1;
  int bytes = 0;
};
GgufBlock BlockOf(GgufType type);
std::string Name(GgufType type);  // "Q4_K"

struct GgufTensor {
  GgufType type = GgufType::kF32;
  std::vector<int64_t> shape;  // row-major: the innermost extent last
  std::span<const std::byte> bytes;

  int64_t size() const;  // values
};

// Lists hold strings or numbers; flags are integers.
using GgufValue =
    std::variant<int64_t, double, std::string, std::vector<std::string>, std::vector<double>>;

// What a file holds; tensors' bytes point into it.
class GgufContent {
 public:
  // `name` stands for the file in messages. Throws InputError: not GGUF, another version, cut off,
  // counts or sizes beyond the file, a type or quantisation that is not known here (named), names
  // that stand twice, tensors that overlap or lie outside.
  GgufContent(std::span<const std::byte> file, const std::string& name);

  const std::map<std::string, GgufTensor>& tensors() const { return tensors_; }
  bool Has(const std::string& key) const { return values_.contains(key); }

  // The value of a key; all throw InputError, with the key, if it is of another type, or, where no
  // fallback is given, missing.
  std::string Text(const std::string& key) const;
  int64_t Integer(const std::string& key, int64_t low, int64_t high) const;
  double Number(const std::string& key) const;  // finite
  bool Flag(const std::string& key, bool fallback) const;
  const std::vector<std::string>& Texts(const std::string& key) const;
  const std::vector<double>& Numbers(const std::string& key) const;

  [[noreturn]] void Fail(const std::string& key, const std::string& problem) const;
  const std::string& name() const { return name_; }

 private:
  template <typename T>
  const T& Value(const std::string& key, const char* what) const;

  std::string name_;
  std::map<std::string, GgufValue> values_;
  std::map<std::string, GgufTensor> tensors_;
};

// The tensor's values as floats, from `first` on; `first` and the number of values are of whole
// blocks. Every bit pattern gives a value, which may be NaN.
void Dequantize(const GgufTensor& tensor, int64_t first, std::span<float> values);

}  // namespace hat
