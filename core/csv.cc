#include "core/csv.h"

#include <csv.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/decimal.h"
#include "core/error.h"
#include "core/files.h"
#include "core/foreign_format.h"
#include "core/utf8.h"

namespace hat {
namespace {

struct Row {
  int line;
  std::vector<std::string> fields;
};

// Feeds libcsv, which counts no lines, one physical line at a time.
class RowReader {
 public:
  explicit RowReader(std::string name) : name_(std::move(name)) {
    HAT_CHECK(csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) == 0);
    csv_set_space_func(&parser_, [](unsigned char) { return 0; });  // spaces belong to their field
  }
  ~RowReader() { csv_free(&parser_); }
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;

  std::vector<Row> Read(std::string_view text) {
    while (!text.empty()) {
      const std::string_view line = text.substr(0, text.find('\n') + 1);
      ReadLine(line.empty() ? text : line);
      text.remove_prefix(line.empty() ? text.size() : line.size());
    }
    if (csv_fini(&parser_, OnField, OnRow, this) != 0) Fail("a quoted field does not end");
    return std::move(rows_);
  }

 private:
  void ReadLine(std::string_view line) {
    ++line_;
    if (!is_inside_row_) row_line_ = line_;
    const bool is_blank = line == "\n" || line == "\r\n";
    is_inside_row_ = is_inside_row_ || !is_blank;
    if (csv_parse(&parser_, line.data(), line.size(), OnField, OnRow, this) != line.size()) {
      Fail(csv_error(&parser_) == CSV_EPARSE
               ? "a quote inside a field must be doubled and the field quoted"
               : csv_strerror(csv_error(&parser_)));
    }
  }

  [[noreturn]] void Fail(const std::string& problem) const {
    throw InputError(fmt::format("{}:{}: {}", name_, row_line_, problem));
  }

  static void OnField(void* data, size_t size, void* self) {
    static_cast<RowReader*>(self)->fields_.emplace_back(static_cast<const char*>(data), size);
  }

  static void OnRow(int, void* self_pointer) {
    auto* self = static_cast<RowReader*>(self_pointer);
    self->rows_.push_back({self->row_line_, std::exchange(self->fields_, {})});
    self->is_inside_row_ = false;
  }

  std::string name_;
  csv_parser parser_;
  int line_ = 0;
  int row_line_ = 1;
  bool is_inside_row_ = false;
  std::vector<std::string> fields_;
  std::vector<Row> rows_;
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

void RequireUtf8(const Row& row, const std::string& name) {
  if (std::ranges::all_of(row.fields, IsUtf8)) return;
  throw InputError(fmt::format("{}:{}: not valid UTF-8", name, row.line));
}

}  // namespace

CsvFile CsvFile::Load(const std::string& path) { return Parse(ReadFile(path), path); }

CsvFile CsvFile::Parse(const std::string& text, const std::string& name) {
  std::string other = OtherFormat(text);
  try {
    CsvFile file = ParseRows(text, name);
    file.other_format_ = std::move(other);
    return file;
  } catch (const InputError&) {
    if (other.empty()) throw;
    throw InputError(fmt::format("{}: {}", name, other));
  }
}

CsvFile CsvFile::ParseRows(const std::string& text, const std::string& name) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string_view body = text;
  if (body.starts_with(kByteOrderMark)) body.remove_prefix(kByteOrderMark.size());
  std::vector<Row> rows = RowReader(name).Read(body);
  if (rows.empty()) throw InputError(fmt::format("{}: empty; a header line must come first", name));

  CsvFile file;
  file.name_ = name;
  for (const Row& row : rows) {
    RequireUtf8(row, name);
    if (row.fields.size() != rows[0].fields.size()) {
      throw InputError(fmt::format("{}:{}: {} fields, but the header has {}", name, row.line,
                                   row.fields.size(), rows[0].fields.size()));
    }
  }
  file.header_ = std::move(rows[0].fields);
  for (const std::string& column : file.header_) {
    if (std::ranges::count(file.header_, column) > 1) {
      throw InputError(fmt::format("{}:1: two columns are named '{}'", name, column));
    }
  }
  for (size_t i = 1; i < rows.size(); ++i) {
    file.lines_.push_back(rows[i].line);
    file.rows_.push_back(std::move(rows[i].fields));
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

const std::string& CsvFile::Text(int row, int column) const {
  return rows_.at(static_cast<size_t>(row)).at(static_cast<size_t>(column));
}

double CsvFile::Number(int row, int column, Range range) const {
  const std::optional<double> value = ParseDecimal(Text(row, column));
  if (value && range.Contains(*value)) return *value;
  throw Error(row, column, fmt::format("a number {}", range.Text()));
}

int64_t CsvFile::Integer(int row, int column, int64_t low, int64_t high) const {
  const std::optional<int64_t> value = ParseInteger(Text(row, column));
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

}  // namespace hat
