#include "cli/demo_view.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "core/files.h"
#include "core/terminal_text.h"

namespace hat {
namespace {

constexpr size_t kMaxColumns = 120;
constexpr size_t kMaxRows = 24;
constexpr std::string_view kBetween = " │ ";

struct Size {
  size_t columns = kTerminalColumns, rows = 24;
};

Size TerminalSize() {
  winsize size = {};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {};
  }
  return {size.ws_col, size.ws_row};
}

// Two lines.
std::vector<std::string> Figures(const DemoAnswer& answer) {
  if (!answer.problem.empty()) return {answer.problem, ""};
  return {fmt::format("TTFT {:.1f} ms, TBT {:.1f} ms", answer.ttft_ms, answer.tbt_ms),
          answer.drafted == 0 ? fmt::format("{} rounds, no drafts", answer.rounds_done)
                              : fmt::format("accept length {:.2f}, {} of {} kept",
                                            answer.accept_length, answer.accepted, answer.drafted)};
}

// Cut or filled to `columns`. ASCII only.
std::string Fitted(std::string text, size_t columns) {
  text.resize(columns, ' ');
  return text;
}

class TerminalView : public DemoView {
 public:
  void ShowRound(const ShownAnswer&, const DemoRound&) override {}

  void Draw(const std::vector<ShownAnswer>& shown, const std::string& cloud) override {
    const size_t count = shown.size();
    if (lines_ == 0) Measure(count);
    std::vector<std::vector<std::string>> panes;
    for (const ShownAnswer& one : shown) panes.push_back(Pane(one));
    std::string text = lines_ > 0 ? fmt::format("\x1b[{}A\r", lines_) : "\r";
    lines_ = panes[0].size() + 2;
    for (size_t row = 0; row < panes[0].size(); ++row) {
      for (size_t i = 0; i < count; ++i) {
        if (i > 0) text += kBetween;
        text += panes[i][row];
      }
      text += "\x1b[K\n";
    }
    text += Fitted(cloud, std::min(cloud.size(), width_)) + "\x1b[K\n" + Legend() + "\x1b[K\n";
    PrintResult(text);
  }

  void Finish(const std::vector<ShownAnswer>& shown, const std::string& cloud) override {
    Draw(shown, cloud);
    lines_ = 0;
  }

 private:
  void Measure(size_t panes) {
    const Size size = TerminalSize();
    // The last column stays free: some terminals begin a new line there.
    width_ = std::clamp<size_t>(size.columns - 1, 40, kMaxColumns);
    columns_ = (width_ - 3 * (panes - 1)) / panes;
    // Three lines of titles and figures, two below, and those of the prompts above.
    constexpr size_t kAround = 8;
    rows_ = std::clamp<size_t>(size.rows, kAround + 4, kMaxRows) - kAround;
  }

  std::vector<std::string> Pane(const ShownAnswer& one) const {
    std::vector<TextPiece> pieces = one.pieces;
    pieces.insert(pieces.end(), one.newest.begin(), one.newest.end());
    std::vector<std::string> lines{"\x1b[7m" + Fitted(" " + one.name, columns_) + "\x1b[0m"};
    for (std::string& line : PaneLines(pieces, columns_, rows_)) lines.push_back(std::move(line));
    for (const std::string& line : Figures(*one.answer)) {
      lines.push_back(Fitted(one.is_done ? line : "", columns_));
    }
    return lines;
  }

  std::string Legend() const {
    constexpr std::string_view kHint = "   (slowed down to be seen)";
    constexpr size_t kLegend = 42;  // columns
    return Coloured(TextKind::kProposed, "proposed") + " " + Coloured(TextKind::kKept, "kept") +
           " " + Coloured(TextKind::kDropped, "thrown away") + " the target's own" +
           std::string(width_ >= kLegend + kHint.size() ? kHint : "");
  }

  size_t width_ = 0, columns_ = 0, rows_ = 0;
  size_t lines_ = 0;  // drawn before
};

class PlainView : public DemoView {
 public:
  void ShowRound(const ShownAnswer& shown, const DemoRound& round) override {
    std::string text;
    for (const TextPiece& piece : round.drafted) {
      text += (piece.kind == TextKind::kKept ? " +" : " -") + Quoted(piece.text);
    }
    if (!round.finished.empty() && round.finished.back().kind == TextKind::kTarget) {
      text += " " + Quoted(round.finished.back().text);
    }
    PrintResult(fmt::format("{}:{}\n", shown.name, text));
  }

  void Draw(const std::vector<ShownAnswer>&, const std::string&) override {}

  void Finish(const std::vector<ShownAnswer>& shown, const std::string& cloud) override {
    for (const ShownAnswer& one : shown) {
      const std::vector<std::string> figures = Figures(*one.answer);
      if (!one.answer->problem.empty()) {
        PrintResult(fmt::format("{}: {}\n", one.name, figures[0]));
        continue;
      }
      std::string text;
      for (const TextPiece& piece : one.pieces) {
        if (piece.kind != TextKind::kPrompt && piece.kind != TextKind::kDropped) text += piece.text;
      }
      PrintResult(fmt::format("{} says {}\n{}: {}, {}\n", one.name, Quoted(text), one.name,
                              figures[0], figures[1]));
    }
    PrintResult(cloud + "\n");
  }

 private:
  static std::string Quoted(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
      const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
      if (c == '\n') {
        quoted += "\\n";
      } else if (is_control) {
        quoted += ' ';
      } else {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
      }
    }
    return quoted + "\"";
  }
};

}  // namespace

bool HasColours() {
  const char* const no = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  return ::isatty(STDOUT_FILENO) == 1 && (no == nullptr || *no == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::unique_ptr<DemoView> MakeTerminalView() { return std::make_unique<TerminalView>(); }
std::unique_ptr<DemoView> MakePlainView() { return std::make_unique<PlainView>(); }

}  // namespace hat
