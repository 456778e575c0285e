// Strict CSV (RFC 4180, UTF-8, a header line): the columns that a reader asks for must be there,
// each row as wide as the header; errors are InputErrors that name file, line and column. It holds
// about as much memory as the file has bytes, and 4 bytes more for a cell and a row.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/range.h"

namespace hat {

class CsvFile {
 public:
  // Throws InputError: unreadable, not CSV (named where it seems to be JSON, another separator or a
  // binary format), not UTF-8, no header, a row of another width. Blank lines are skipped; spaces
  // belong to their field.
  static CsvFile Load(const std::string& path);
  static CsvFile Parse(std::string text, const std::string& name);

  const std::string& name() const { return name_; }
  int rows() const { return static_cast<int>(lines_.size()); }
  const std::vector<std::string>& columns() const { return header_; }
  bool HasColumn(const std::string& column) const;
  // Throws InputError that lists the columns there are, and says that `key`, unless it is empty,
  // names another one.
  int ColumnIndex(const std::string& column, const std::string& key = "") const;

  std::string Text(int row, int column) const { return std::string(Cell(row, column)); }
  // An empty cell is an error of its own words. An integer may be written 20.0.
  double Number(int row, int column, Range range) const;
  int64_t Integer(int row, int column, int64_t low, int64_t high) const;

  std::string Place(int row) const;  // "file:line"

  // "file:line: 'column' must be <allowed>, got 'text'".
  InputError Error(int row, int column, const std::string& allowed) const;

 private:
  static CsvFile ParseRows(std::string text, const std::string& name);
  std::string_view Cell(int row, int column) const;

  std::string name_;
  std::string other_format_;  // that the text seems to have; for errors
  std::vector<std::string> header_;
  std::string cells_;           // the header's and the rows', one behind the other
  std::vector<uint32_t> ends_;  // of each cell
  std::vector<int> lines_;      // of each row, from 1
};

// A field as it is written: in quotes where it has to be.
std::string CsvField(const std::string& text);

}  // namespace hat
