// What one device says, for a terminal: pieces of text of different kinds, broken into lines of a
// pane's width.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hat {

enum class TextKind {
  kPrompt,
  kProposed,  // drafted, the cloud has not answered yet
  kKept,      // drafted, and the target's token too
  kDropped,   // drafted, and thrown away
  kTarget,    // the target's own
};

// `text` as a terminal shows text of that kind, by ANSI's escape sequences.
std::string Coloured(TextKind kind, std::string_view text);

struct TextPiece {
  TextKind kind = TextKind::kTarget;
  std::string text;  // UTF-8
};

// Lines of exactly `columns` characters, at most the last `rows` of them, `rows` in all. A line is
// broken at a blank where there is one, and one that would begin the next is left out. A drafted
// line end that is not (yet) one of the answer is shown as a sign; other control characters as
// blanks.
std::vector<std::string> PaneLines(const std::vector<TextPiece>& pieces, size_t columns,
                                   size_t rows);

}  // namespace hat
