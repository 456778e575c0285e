#include "experiments/report/page_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <sstream>
#include <string_view>

#include "core/error.h"

namespace hat {
namespace {

constexpr std::string_view kOpen = "<!-- ", kClose = " -->";
constexpr std::string_view kTable = "table:", kErrors = "errors:", kEnd = "end";

struct PageLine {
  size_t begin = 0, end = 0;  // without the line's end
  std::string_view text;
};

std::vector<PageLine> LinesOf(std::string_view text) {
  std::vector<PageLine> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back({begin, end, line});
    begin = end + 1;
  }
  return lines;
}

// What stands in a comment that is a line of its own; nothing if the line is none.
std::optional<std::string_view> CommentIn(std::string_view line) {
  if (!line.starts_with(kOpen) || !line.ends_with(kClose)) return std::nullopt;
  if (line.size() < kOpen.size() + kClose.size()) return std::nullopt;
  return line.substr(kOpen.size(), line.size() - kOpen.size() - kClose.size());
}

std::vector<std::string> WordsOf(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// Nothing if the comment opens no slot.
std::optional<PageSlot> SlotIn(std::string_view comment, const std::string& where) {
  PageSlot slot;
  slot.where = where;
  if (comment.starts_with(kErrors)) {
    slot.kind = PageSlot::Kind::kErrors;
    slot.names = WordsOf(comment.substr(kErrors.size()));
  } else if (comment.starts_with(kTable)) {
    slot.names = WordsOf(comment.substr(kTable.size()));
    if (slot.names.size() > 1) slot.names.clear();
  } else {
    return std::nullopt;
  }
  if (slot.names.empty()) {
    throw InputError(fmt::format(
        "{}: must be '<!-- table: NAME -->' or '<!-- errors: NAME NAME ... -->', NAME a figure's",
        where));
  }
  const size_t hash = slot.names[0].find('#');
  if (slot.kind == PageSlot::Kind::kFigure && hash != std::string::npos) {
    slot.kind = PageSlot::Kind::kOtherPage;
    slot.anchor = slot.names[0].substr(hash + 1);
    slot.names[0].resize(hash);
  }
  return slot;
}

// As GitHub makes them of headings: "Other assumptions" is "other-assumptions".
std::string AnchorOf(std::string_view heading) {
  std::string anchor;
  for (const char c : heading) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == ' ') anchor += '-';
    if (std::isalnum(byte) || c == '-' || c == '_' || byte >= 0x80) {
      anchor += static_cast<char>(std::tolower(byte));
    }
  }
  return anchor;
}

std::optional<std::string> HeadingIn(std::string_view line) {
  const size_t level = std::min(line.find_first_not_of('#'), line.size());
  if (level == 0 || level > 6 || !line.substr(level).starts_with(' ')) return std::nullopt;
  return AnchorOf(line.substr(level + 1));
}

}  // namespace

std::vector<PageSlot> SlotsOf(const std::string& text, const std::string& path) {
  std::vector<PageSlot> slots;
  std::optional<PageSlot> open;
  const auto refuse_open = [&] {
    if (!open) return;
    throw InputError(fmt::format("{}: the table has no '<!-- end -->' after it", open->where));
  };
  int number = 0;
  for (const PageLine& line : LinesOf(text)) {
    const std::string where = fmt::format("{}:{}", path, ++number);
    const std::optional<std::string_view> comment = CommentIn(line.text);
    if (!comment) continue;
    if (*comment == kEnd) {
      if (!open) throw InputError(fmt::format("{}: '<!-- end -->' of no table", where));
      open->end = line.begin;
      slots.push_back(*std::move(open));
      open.reset();
    } else if (std::optional<PageSlot> slot = SlotIn(*comment, where)) {
      refuse_open();
      open = std::move(slot);
      open->begin = std::min(line.end + 1, text.size());
    }
  }
  refuse_open();
  if (!slots.empty()) return slots;
  throw InputError(
      fmt::format("{}: has no line '<!-- table: NAME -->', so no table belongs there", path));
}

std::string Filled(const std::string& text, const std::vector<PageSlot>& slots,
                   const std::vector<std::string>& tables) {
  HAT_CHECK(slots.size() == tables.size());
  std::string filled;
  size_t done = 0;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (tables[i].empty()) continue;
    filled += text.substr(done, slots[i].begin - done) + tables[i];
    done = slots[i].end;
  }
  return filled + text.substr(done);
}

std::string TableUnder(const std::string& anchor, const std::string& text,
                       const std::string& path) {
  std::vector<std::string> anchors;
  std::string table;
  bool is_under = false;
  for (const PageLine& line : LinesOf(text)) {
    const std::optional<std::string> heading = HeadingIn(line.text);
    const bool is_row = is_under && line.text.starts_with('|');
    if (!table.empty() && !is_row) return table;
    if (is_row) table += fmt::format("{}\n", line.text);
    if (!heading) continue;
    is_under = *heading == anchor;
    anchors.push_back("#" + *heading);
  }
  if (!table.empty()) return table;
  const bool has = std::ranges::count(anchors, "#" + anchor) > 0;
  throw InputError(has ? fmt::format("{}: no table stands under '#{}'", path, anchor)
                       : fmt::format("{}: has no heading '#{}'; there are {}", path, anchor,
                                     fmt::join(anchors, ", ")));
}

}  // namespace hat
