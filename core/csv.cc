#include "core/csv.h"

#include <csv.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "core/decimal.h"
#include "core/error.h"
#include "core/files.h"
#include "core/foreign_format.h"
#include "core/utf8.h"

namespace hat {
namespace {

// Feeds libcsv, which counts no lines, one physical line at a time. What is in the cells moves to
// the front of the text, where it never overtakes the reading.
class RowReader {
 public:
  RowReader(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
    HAT_CHECK(text_.size() <= std::numeric_limits<uint32_t>::max());
    HAT_CHECK(csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) == 0);
    csv_set_space_func(&parser_, [](unsigned char) { return 0; });  // spaces belong to their field
  }
  ~RowReader() { csv_free(&parser_); }
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  // Afterwards the parts of the file can be taken.
  void Read() {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    const std::string_view all = text_;
    size_t begin = all.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    while (begin < all.size()) {
      const size_t end = std::min(all.find('\n', begin), all.size() - 1) + 1;
      ReadLine(all.substr(begin, end - begin));
      begin = end;
    }
    if (csv_fini(&parser_, OnField, OnRow, this) != 0) Fail("a quoted field does not end");
    if (!problem_.empty()) Fail(problem_);
    text_.resize(cells_bytes_);
  }

  std::string TakeCells() { return std::move(text_); }
  std::vector<uint32_t> TakeEnds() { return std::move(ends_); }
  std::vector<int> TakeLines() { return std::move(lines_); }  // the header's is the first

 private:
  void ReadLine(std::string_view line) {
    ++line_;
    if (!is_inside_row_) row_line_ = line_;
    const bool is_blank = line == "\n" || line == "\r\n";
    is_inside_row_ = is_inside_row_ || !is_blank;
    if (!IsUtf8(line)) Fail("not valid UTF-8");
    if (csv_parse(&parser_, line.data(), line.size(), OnField, OnRow, this) != line.size()) {
      Fail(csv_error(&parser_) == CSV_EPARSE
               ? "a quote inside a field must be doubled and the field quoted"
               : csv_strerror(csv_error(&parser_)));
    }
    if (!problem_.empty()) Fail(problem_);
  }

  [[noreturn]] void Fail(const std::string& problem) const {
    throw InputError(fmt::format("{}:{}: {}", name_, row_line_, problem));
  }

  static void OnField(void* data, size_t size, void* self_pointer) {
    auto* self = static_cast<RowReader*>(self_pointer);
    if (size > 0) std::memmove(self->text_.data() + self->cells_bytes_, data, size);
    self->cells_bytes_ += size;
    self->ends_.push_back(static_cast<uint32_t>(self->cells_bytes_));
  }

  static void OnRow(int, void* self_pointer) { static_cast<RowReader*>(self_pointer)->EndRow(); }

  // Throws nothing: libcsv calls it, which is C.
  void EndRow() {
    const size_t fields = ends_.size() - row_begin_;
    if (lines_.empty()) {
      columns_ = fields;
      Reserve();
    } else if (fields != columns_) {
      problem_ = fmt::format("{} fields, but the header has {}", fields, columns_);
    }
    lines_.push_back(row_line_);
    row_begin_ = ends_.size();
    is_inside_row_ = false;
  }

  // As many rows as there may be: vectors that grow hold up to twice what they need.
  void Reserve() {
    const auto rows = static_cast<size_t>(std::ranges::count(text_, '\n')) + 1;
    lines_.reserve(rows);
    ends_.reserve(std::min(rows * columns_, text_.size()) + columns_);
  }

  std::string name_;
  std::string text_;
  csv_parser parser_;
  int line_ = 0;
  int row_line_ = 1;
  bool is_inside_row_ = false;
  size_t columns_ = 0;
  size_t row_begin_ = 0;    // of ends_
  size_t cells_bytes_ = 0;  // of text_, that the cells take so far
  std::vector<uint32_t> ends_;
  std::vector<int> lines_;
  std::string problem_;
};

// What the text seems to be instead of CSV, and what to do; empty: CSV, as far as one can see.
std::string OtherFormat(std::string_view text) {
  constexpr std::string_view kWanted =
      "CSV is wanted: a header line with the columns' names, then a row a line, with commas";
  if (const std::string binary = BinaryFormat(text); !binary.empty()) return binary;
  if (const std::string json = JsonFormat(text); !json.empty()) {
    return fmt::format("looks like {}; {}", json, kWanted);
  }
  const std::string_view header = text.substr(0, text.find_first_of("\r\n"));
  if (header.find(',') != std::string_view::npos) return "";
  for (const auto& [separator, shown] : {std::pair('\t', "tabs"), std::pair(';', "semicolons")}) {
    if (header.find(separator) == std::string_view::npos) continue;
    return fmt::format("looks like columns with {} between them; {}, and points in numbers", shown,
                       kWanted);
  }
  return "";
}

}  // namespace

CsvFile CsvFile::Load(const std::string& path) { return Parse(ReadFile(path), path); }

CsvFile CsvFile::Parse(std::string text, const std::string& name) {
  std::string other = OtherFormat(text);
  try {
    CsvFile file = ParseRows(std::move(text), name);
    file.other_format_ = std::move(other);
    return file;
  } catch (const InputError&) {
    if (other.empty()) throw;
    throw InputError(fmt::format("{}: {}", name, other));
  }
}

CsvFile CsvFile::ParseRows(std::string text, const std::string& name) {
  RowReader reader(name, std::move(text));
  reader.Read();
  CsvFile file;
  file.name_ = name;
  file.lines_ = reader.TakeLines();
  if (file.lines_.empty()) {
    throw InputError(fmt::format("{}: empty; a header line must come first", name));
  }
  file.cells_ = reader.TakeCells();
  file.ends_ = reader.TakeEnds();
  size_t begin = 0;
  const size_t columns = file.ends_.size() / file.lines_.size();
  for (size_t column = 0; column < columns; begin = file.ends_[column++]) {
    file.header_.push_back(file.cells_.substr(begin, file.ends_[column] - begin));
  }
  file.lines_.erase(file.lines_.begin());
  for (const std::string& column : file.header_) {
    if (std::ranges::count(file.header_, column) > 1) {
      throw InputError(fmt::format("{}:1: two columns are named '{}'", name, column));
    }
  }
  return file;
}

bool CsvFile::HasColumn(const std::string& column) const {
  return std::ranges::find(header_, column) != header_.end();
}

int CsvFile::ColumnIndex(const std::string& column, const std::string& key) const {
  const auto found = std::ranges::find(header_, column);
  if (found == header_.end() && !other_format_.empty()) {
    throw InputError(fmt::format("{}: {}", name_, other_format_));
  }
  if (found == header_.end()) {
    throw InputError(fmt::format("{}:1: there is no column '{}'; the columns are '{}'{}", name_,
                                 column, fmt::join(header_, "', '"),
                                 key.empty() ? "" : fmt::format(": name yours with {}", key)));
  }
  return static_cast<int>(found - header_.begin());
}

std::string_view CsvFile::Cell(int row, int column) const {
  HAT_CHECK(row >= 0 && row < rows() && column >= 0 &&
            static_cast<size_t>(column) < header_.size());
  const size_t cell = (static_cast<size_t>(row) + 1) * header_.size() + static_cast<size_t>(column);
  const size_t begin = ends_[cell - 1];
  return std::string_view(cells_).substr(begin, ends_[cell] - begin);
}

double CsvFile::Number(int row, int column, Range range) const {
  const std::optional<double> value = ParseDecimal(Cell(row, column));
  if (value && range.Contains(*value)) return *value;
  throw Error(row, column, fmt::format("a number {}", range.Text()));
}

int64_t CsvFile::Integer(int row, int column, int64_t low, int64_t high) const {
  const std::optional<int64_t> value = ParseInteger(Cell(row, column));
  if (value && *value >= low && *value <= high) return *value;
  throw Error(row, column, fmt::format("an integer in {}..{}", low, high));
}

std::string CsvFile::Place(int row) const {
  return fmt::format("{}:{}", name_, lines_.at(static_cast<size_t>(row)));
}

InputError CsvFile::Error(int row, int column, const std::string& allowed) const {
  const std::string& name = header_.at(static_cast<size_t>(column));
  std::string shown = Text(row, column).substr(0, 60);
  if (shown.empty()) {
    return InputError(
        fmt::format("{}: '{}' is an empty cell; it must be {}", Place(row), name, allowed));
  }
  std::ranges::replace_if(
      shown, [](unsigned char c) { return c < 0x20; }, ' ');
  return InputError(fmt::format("{}: '{}' must be {}, got '{}'", Place(row), name, allowed, shown));
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace hat
