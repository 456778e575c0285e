#include "cli/answer_pane.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "core/terminal_text.h"

namespace hat {
namespace {

constexpr std::string_view kLineEnd = "↵";

std::string_view Escape(TextKind kind) {
  switch (kind) {
    case TextKind::kPrompt:
      return "\x1b[1m";  // bold
    case TextKind::kProposed:
      return "\x1b[33m";  // yellow
    case TextKind::kKept:
      return "\x1b[32m";  // green
    case TextKind::kDropped:
      return "\x1b[9;90m";  // struck through, grey
    case TextKind::kTarget:
      break;
  }
  return "";
}

// A character on the screen.
struct Cell {
  TextKind kind;
  std::string_view utf8;
};
using Line = std::vector<Cell>;

// The character that begins there.
std::string_view CharacterAt(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  return text.substr(at, end - at);
}

class Lines {
 public:
  explicit Lines(size_t columns) : columns_(columns) {}

  void Add(const TextPiece& piece) {
    const bool is_draft = piece.kind == TextKind::kProposed || piece.kind == TextKind::kDropped;
    for (size_t at = 0; at < piece.text.size();) {
      const std::string_view character = CharacterAt(piece.text, at);
      at += character.size();
      const auto byte = static_cast<unsigned char>(character[0]);
      if (character == "\n") {
        if (is_draft) Put({piece.kind, kLineEnd});
        if (!is_draft) lines_.emplace_back();
      } else {
        Put({piece.kind, byte < 0x20 || byte == 0x7f ? " " : character});
      }
    }
  }

  const std::vector<Line>& all() const { return lines_; }

 private:
  void Put(const Cell& cell) {
    const bool is_full = lines_.back().size() == columns_;
    if (is_full) Break(cell);
    if (!is_full || cell.utf8 != " ") lines_.back().push_back(cell);
  }

  // Before `next`, which has no place any more: the last word goes to a new line.
  void Break(const Cell& next) {
    Line& full = lines_.back();
    Line word;
    const auto blank = std::ranges::find(full.rbegin(), full.rend(), " ", &Cell::utf8);
    if (next.utf8 != " " && blank != full.rend()) {
      word.assign(blank.base(), full.end());
      full.erase(blank.base(), full.end());
    }
    lines_.push_back(std::move(word));
  }

  size_t columns_;
  std::vector<Line> lines_{1};
};

std::string TextOf(const Line& line, size_t columns) {
  std::string text;
  for (size_t i = 0; i < line.size();) {
    std::string run;
    const TextKind kind = line[i].kind;
    for (; i < line.size() && line[i].kind == kind; ++i) run += line[i].utf8;
    text += Coloured(kind, run);
  }
  return text + std::string(columns - line.size(), ' ');
}

}  // namespace

std::string Coloured(TextKind kind, std::string_view text) {
  const std::string_view escape = Escape(kind);
  return escape.empty() ? std::string(text) : fmt::format("{}{}\x1b[0m", escape, text);
}

std::vector<std::string> PaneLines(const std::vector<TextPiece>& pieces, size_t columns,
                                   size_t rows) {
  Lines lines(columns);
  for (const TextPiece& piece : pieces) lines.Add(piece);
  const size_t count = lines.all().size();
  std::vector<std::string> texts;
  for (size_t i = count - std::min(count, rows); i < count; ++i) {
    texts.push_back(TextOf(lines.all()[i], columns));
  }
  texts.resize(rows, std::string(columns, ' '));
  return texts;
}

}  // namespace hat
