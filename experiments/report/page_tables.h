// A page of Markdown whose tables are written by commands, between two lines of their own:
//
//   <!-- table: paper_ttft -->                 a figure of the kind "table", by its name
//   <!-- table: ../results/c/calibration.md#parameters -->
//                                              the first table under a heading of another page,
//                                              relative to this one
//   <!-- errors: paper_ttft paper_tbt -->      how far several such figures are off, all together
//   ...
//   <!-- end -->
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace hat {

struct PageSlot {
  enum class Kind { kFigure, kOtherPage, kErrors };
  Kind kind = Kind::kFigure;
  std::vector<std::string> names;  // of figures; of another page its path, as it stands there
  std::string anchor;              // of another page's heading: "parameters"
  std::string where;               // "paper.md:12"
  size_t begin = 0, end = 0;       // of what is between the two lines
};

// Those of the page's text, in order; `path` is for errors. Throws InputError for a marker without
// a name, one without an end, and where there is none at all.
std::vector<PageSlot> SlotsOf(const std::string& text, const std::string& path);

// The text with `tables` in place of what the slots hold, a table each; an empty one leaves its
// slot as it is.
std::string Filled(const std::string& text, const std::vector<PageSlot>& slots,
                   const std::vector<std::string>& tables);

// The first table under the heading that a link "#anchor" leads to. Throws InputError if there is
// no such heading, or no table under it; `path` is for errors.
std::string TableUnder(const std::string& anchor, const std::string& text, const std::string& path);

}  // namespace hat
