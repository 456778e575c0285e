#include "core/dtype.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace hat {
namespace {

struct Row {
  Dtype dtype;
  const char* name;
  const char* long_name;
  int bytes;
};

constexpr Row kRows[] = {
    {Dtype::kFloat64, "fp64", "float64", 8},
    {Dtype::kFloat32, "fp32", "float32", 4},
    {Dtype::kFloat16, "fp16", "float16", 2},
    {Dtype::kBfloat16, "bf16", "bfloat16", 2},
};

const Row& RowOf(Dtype dtype) { return kRows[static_cast<int>(dtype)]; }

}  // namespace

std::string Name(Dtype dtype) { return RowOf(dtype).name; }

std::string LongName(Dtype dtype) { return RowOf(dtype).long_name; }

int BytesPerValue(Dtype dtype) { return RowOf(dtype).bytes; }

std::optional<Dtype> FindDtype(std::string_view name) {
  for (const Row& row : kRows) {
    if (name == row.name || name == row.long_name) return row.dtype;
  }
  return std::nullopt;
}

Dtype ParseDtype(const std::string& name, const std::string& what,
                 std::initializer_list<Dtype> allowed) {
  const std::optional<Dtype> dtype = FindDtype(name);
  if (dtype && std::find(allowed.begin(), allowed.end(), *dtype) != allowed.end()) return *dtype;
  std::vector<std::string> names;
  for (const Dtype one : allowed) names.push_back(Name(one));
  throw InputError(
      fmt::format("{} must be one of {}, got '{}'", what, fmt::join(names, ", "), name));
}

std::vector<std::string> DtypeWords(std::initializer_list<Dtype> types) {
  std::vector<std::string> words;
  for (const Dtype dtype : types) {
    words.push_back(LongName(dtype));
    words.push_back(Name(dtype));
  }
  return words;
}

}  // namespace hat
