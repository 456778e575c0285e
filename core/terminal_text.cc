#include "core/terminal_text.h"

#include <algorithm>

namespace hat {
namespace {

std::vector<size_t> Widths(const std::vector<Cells>& rows) {
  std::vector<size_t> widths;
  for (const Cells& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], ColumnsOf(row[i]));
  }
  return widths;
}

// The text up to the next `end`, which is taken off too.
std::string_view TakeUntil(char end, std::string_view& text) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(taken.size() + 1, text.size()));
  return taken;
}

}  // namespace

size_t ColumnsOf(std::string_view utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string Paragraph(std::string_view label, std::string_view text) {
  const size_t indent = ColumnsOf(label);
  std::string lines(label);
  size_t columns = indent;
  while (!text.empty()) {
    const std::string_view word = TakeUntil(' ', text);
    if (columns > indent && columns + 1 + ColumnsOf(word) > kTerminalColumns) {
      lines.append("\n").append(indent, ' ');
      columns = indent;
    }
    if (columns > indent) lines += ' ', ++columns;
    lines += word;
    columns += ColumnsOf(word);
  }
  return lines + "\n";
}

std::string Counted(int64_t count, std::string_view what) {
  std::string text = std::to_string(count) + " " + std::string(what);
  if (count != 1) text += "s";
  return text;
}

std::string AlignedTable(const std::vector<Cells>& rows, size_t gap) {
  const std::vector<size_t> widths = Widths(rows);
  std::string table;
  for (const Cells& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const size_t blanks = widths[i] - ColumnsOf(row[i]);
      if (i > 0) line.append(gap + blanks, ' ');
      line += row[i];
      if (i == 0) line.append(blanks, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    table += line + "\n";
  }
  return table;
}

size_t ColumnsOfTable(std::string_view table) {
  size_t columns = 0;
  while (!table.empty()) columns = std::max(columns, ColumnsOf(TakeUntil('\n', table)));
  return columns;
}

}  // namespace hat
