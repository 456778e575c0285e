#include "core/foreign_format.h"

namespace hat {
namespace {

using std::string_view_literals::operator""sv;

struct Magic {
  std::string_view bytes;
  std::string_view what;
};

// First bytes as the formats' specifications give them.
constexpr Magic kMagics[] = {
    {"\x1f\x8b"sv, "is compressed with gzip: unpack it first"},
    {"\x28\xb5\x2f\xfd"sv, "is compressed with zstd: unpack it first"},
    {"\xfd\x37zXZ\0"sv, "is compressed with xz: unpack it first"},
    {"PK\x03\x04"sv, "is a zip archive or a spreadsheet: unpack it, or export it as text, first"},
    {"\xd0\xcf\x11\xe0"sv,
     "is a spreadsheet or document of an old Office: export it as text first"},
    {"PAR1"sv, "is a Parquet file: export it as text first"},
    {"ARROW1"sv, "is an Arrow file: export it as text first"},
    {"SQLite format 3\0"sv, "is an SQLite database: export it as text first"},
    {"\x89HDF\r\n\x1a\n"sv, "is an HDF5 file: export it as text first"},
    {"\xff\xfe"sv, "is text in UTF-16: save it as UTF-8 first"},
    {"\xfe\xff"sv, "is text in UTF-16: save it as UTF-8 first"},
};

constexpr std::string_view kSpace = " \t\r\n";

}  // namespace

std::string BinaryFormat(std::string_view content) {
  for (const Magic& magic : kMagics) {
    if (content.starts_with(magic.bytes)) return std::string(magic.what);
  }
  return "";
}

std::string JsonFormat(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  text.remove_prefix(begin);
  const size_t second = text.find_first_not_of(kSpace, 1);
  const char next = second == std::string_view::npos ? '\0' : text[second];
  if (text[0] == '[') {
    // Not [table] or [[table]], as in TOML.
    const bool is_value = std::string_view("{\"-0123456789").find(next) != std::string_view::npos;
    return is_value ? "a JSON array" : "";
  }
  if (text[0] != '{' || (next != '"' && next != '}')) return "";
  const std::string_view first_line = text.substr(0, text.find_first_of("\r\n"));
  const size_t end = first_line.find_last_not_of(kSpace);
  const size_t behind = text.find_first_not_of(kSpace, first_line.size());
  const bool is_one_a_line =
      first_line[end] == '}' && behind != std::string_view::npos && text[behind] == '{';
  return is_one_a_line ? "JSON lines" : "a JSON object";
}

}  // namespace hat
