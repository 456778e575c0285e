// A run's summary on a page for people: the figures of summary.json that one looks at first, with
// digits that one can read. At most 80 columns.
#pragma once

#include <string>

namespace hat {

// `summary_json` as SummaryJson or NotPossibleJson wrote it.
std::string SummaryText(const std::string& summary_json);

}  // namespace hat
