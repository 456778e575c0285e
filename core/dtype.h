// The types of numbers that models are stored, computed and sent in: one table of names and sizes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

// 1 to 3 are the codes on the wire (protocol/frame.h), which carries no kFloat64.
enum class Dtype : uint8_t { kFloat64 = 0, kFloat32 = 1, kFloat16 = 2, kBfloat16 = 3 };

inline constexpr std::initializer_list<Dtype> kAllDtypes = {Dtype::kFloat64, Dtype::kFloat32,
                                                            Dtype::kFloat16, Dtype::kBfloat16};

std::string Name(Dtype dtype);      // "fp64", "fp32", "fp16", "bf16": options, profiles, messages
std::string LongName(Dtype dtype);  // "float64" ...: scenarios and checkpoints, as torch has them
int BytesPerValue(Dtype dtype);

// The type of this name, short or long; nothing for any other word.
std::optional<Dtype> FindDtype(std::string_view name);

// As FindDtype. Throws InputError, with `what` (a flag, a file and key) before it and the short
// names of `allowed` after it, for a word that names none of these.
Dtype ParseDtype(const std::string& name, const std::string& what,
                 std::initializer_list<Dtype> allowed = kAllDtypes);

// Every word that names one of `types`, a type's long name first: for files' readers that list what
// they take.
std::vector<std::string> DtypeWords(std::initializer_list<Dtype> types);

}  // namespace hat
