// One page about a folder of results: a run, a comparison, a sweep or a set of figures. Whoever
// opens it needs no program of ours and no network.
#pragma once

#include <string>

namespace hat {

inline constexpr const char* kReportFile = "report.html";

// The page's text; its links are relative to the folder. Throws InputError if the folder holds no
// results, or a file of them is damaged.
std::string ReportHtml(const std::string& folder);

}  // namespace hat
