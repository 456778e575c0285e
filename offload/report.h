// What a study found, for people, for spreadsheets and for the figure: the same numbers in each.
#pragma once

#include <string>

#include "offload/study.h"

namespace hat {

inline constexpr int kOffloadSchema = 1;

std::string OffloadText(const OffloadSpec& spec, const OffloadStudy& study);
// What it was made from: program, all keys, the exits' table.
std::string OffloadManifest(const OffloadSpec& spec);
std::string OffloadCsv(const OffloadStudy& study);  // a row a run
std::string OffloadJson(const OffloadSpec& spec, const OffloadStudy& study);

}  // namespace hat
