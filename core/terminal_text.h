// Text for people, laid out for a terminal of 80 columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

inline constexpr size_t kTerminalColumns = 80;

// The columns that UTF-8 text takes: its characters, not its bytes.
size_t ColumnsOf(std::string_view utf8);

// `text` after `label`, broken at blanks into lines of at most 80 columns, each below the first;
// a word that is longer stands alone. Ends with a line break.
std::string Paragraph(std::string_view label, std::string_view text);

// "1 device", "2 devices".
std::string Counted(int64_t count, std::string_view what);

using Cells = std::vector<std::string>;

// A line per row, at least `gap` blanks between its cells: the first column to the left, others to
// the right. Rows may be of different lengths; blanks at the end of a line are left out.
std::string AlignedTable(const std::vector<Cells>& rows, size_t gap = 2);

// Of its widest line.
size_t ColumnsOfTable(std::string_view table);

}  // namespace hat
