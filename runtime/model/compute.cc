#include "runtime/model/compute.h"

#include <fmt/format.h>

#include "core/error.h"

namespace hat {
namespace {

struct DtypeNames {
  Dtype dtype;
  const char* ours;
  const char* torchs;
  int bytes;
};
constexpr DtypeNames kDtypes[] = {
    {Dtype::kFloat64, "fp64", "float64", 8},
    {Dtype::kFloat32, "fp32", "float32", 4},
    {Dtype::kFloat16, "fp16", "float16", 2},
    {Dtype::kBfloat16, "bf16", "bfloat16", 2},
};

const DtypeNames& NamesOf(Dtype dtype) { return kDtypes[static_cast<int>(dtype)]; }

}  // namespace

std::string DtypeName(Dtype dtype) { return NamesOf(dtype).ours; }

int BytesPerWeight(Dtype dtype) { return NamesOf(dtype).bytes; }

Dtype ParseDtype(const std::string& name, const std::string& what) {
  for (const DtypeNames& known : kDtypes) {
    if (name == known.ours || name == known.torchs) return known.dtype;
  }
  throw InputError(
      fmt::format("{}: unknown dtype '{}'; known: fp64, fp32, fp16, bf16", what, name));
}

}  // namespace hat
