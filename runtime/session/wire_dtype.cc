#include "runtime/session/wire_dtype.h"

#include "core/error.h"

namespace hat {

Dtype DtypeOf(WireDtype dtype) {
  switch (dtype) {
    case WireDtype::kFloat32:
      return Dtype::kFloat32;
    case WireDtype::kFloat16:
      return Dtype::kFloat16;
    case WireDtype::kBfloat16:
      return Dtype::kBfloat16;
  }
  HAT_CHECK(false);
}

WireDtype ParseWireDtype(const std::string& name, const std::string& what) {
  for (const WireDtype dtype : {WireDtype::kFloat32, WireDtype::kFloat16, WireDtype::kBfloat16}) {
    if (DtypeName(DtypeOf(dtype)) == name) return dtype;
  }
  throw InputError(what + " must be fp32, fp16 or bf16, not '" + name + "'");
}

WireDtype WireDtypeFor(Dtype compute) {
  if (compute == Dtype::kFloat16) return WireDtype::kFloat16;
  if (compute == Dtype::kBfloat16) return WireDtype::kBfloat16;
  return WireDtype::kFloat32;
}

}  // namespace hat
