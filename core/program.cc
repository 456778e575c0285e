#include "core/program.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string_view>

#include "core/decimal.h"
#include "core/error.h"
#include "core/files.h"
#include "core/terminal_text.h"

namespace hat {
namespace {

// Were stdin, stdout or stderr closed, the next file to be opened would take its place and get our
// output.
void OccupyStandardStreams() {
  for (const int fd : {0, 1, 2}) {
    if (::fcntl(fd, F_GETFD) < 0) (void)::open("/dev/null", fd == 1 ? O_RDONLY : O_RDWR);
  }
}

// A message quotes its input, which may hold anything: line ends, a terminal's control characters,
// a megabyte.
std::string OneClearLine(std::string message) {
  constexpr size_t kHead = 350, kTail = 150;
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  std::ranges::replace_if(message, is_control, ' ');
  if (message.size() <= kHead + kTail) return message;
  return message.substr(0, kHead) + " ... " + message.substr(message.size() - kTail);
}

int Fail(const std::string& command, const std::string& message, int exit_code) {
  SayLine(fmt::format("{}: {}", command, OneClearLine(message)));
  return exit_code;
}

// CLI11 leaves long lines to the terminal, which breaks words. Options stand in a column of their
// own; a command to copy stays in one line.
std::string Wrapped(const std::string& help, size_t option_columns) {
  std::string text;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    const bool is_option = line.size() > option_columns && line.starts_with("  ") &&
                           line[option_columns - 1] == ' ' && line[option_columns] != ' ';
    if (ColumnsOf(line) <= kTerminalColumns || line.starts_with("  hat ")) {
      text += line + "\n";
    } else {
      const size_t label = is_option ? option_columns : 0;
      text += Paragraph(line.substr(0, label), line.substr(label));
    }
  }
  return text;
}

int RunBody(CommandLine& line, const std::function<int(CommandLine&)>& body) {
  int exit_code = 0;
  std::ostringstream answer;
  try {
    exit_code = body(line);
  } catch (const CLI::Success& request) {  // --help, --version
    line.exit(request, answer, answer);
  }
  // Fails also if anything printed before could not be written.
  PrintResult(Wrapped(answer.str(), line.get_formatter()->get_column_width()));
  return exit_code;
}

int RunGuarded(CommandLine& line, const std::function<int(CommandLine&)>& body) {
  const std::string command = line.get_name();
  try {
    return RunBody(line, body);
  } catch (const CLI::ParseError& error) {
    return Fail(command, fmt::format("{} ('{} --help' lists the options)", error.what(), command),
                2);
  } catch (const InputError& error) {
    return Fail(command, error.what(), 2);
  } catch (const RunError& error) {
    return Fail(command, error.what(), 1);
  } catch (const std::bad_alloc&) {
    return Fail(command, "out of memory", 1);
  } catch (const std::exception& error) {
    return Fail(command, fmt::format("unexpected failure: {}", error.what()), 1);
  }
}

}  // namespace

std::string MistakeInInteger(const std::string& text) {
  if (text.empty()) return "must not be empty";
  const std::string_view digits = std::string_view(text).substr(text.starts_with('-') ? 1 : 0);
  const bool is_decimal = digits.find_first_not_of("0123456789") == std::string_view::npos;
  const bool leads_with_zero = digits.size() > 1 && digits.front() == '0';
  if (is_decimal && !digits.empty() && !leads_with_zero) return "";
  return fmt::format("must be a whole number in decimal digits, as 10, got '{}'", text);
}

std::string MistakeInNumber(const std::string& text) {
  if (text.empty()) return "must not be empty";
  const std::optional<double> value = ParseDecimal(text);
  if (value && std::isfinite(*value)) return "";
  return fmt::format("must be a decimal number, as 0.5, got '{}'", text);
}

CommandLine::CommandLine(int argc, char** argv)
    : CLI::App("", CommandName(argv[0])), argc_(argc), argv_(argv) {
  set_version_flag("--version", VersionText());
}

void CommandLine::Parse() {
  parse(argc_, argv_);
  for (const CLI::Option* option : get_options()) {
    if (std::ranges::count(option->results(), "") == 0) continue;
    throw InputError(fmt::format("{} must not be empty", option->get_name()));
  }
}

std::string CommandName(const std::string& program_path) {
  std::string name = std::filesystem::path(program_path).filename();
  std::ranges::replace(name, '-', ' ');
  return name;
}

std::string VersionText() { return fmt::format("hat {} ({})", HAT_VERSION, BuildCommit()); }

int RunMain(int argc, char** argv, const std::function<int(CommandLine&)>& body) {
  OccupyStandardStreams();
  std::signal(SIGPIPE, SIG_IGN);  // writing to a closed pipe fails with EPIPE instead
  std::signal(SIGXFSZ, SIG_IGN);  // and beyond the limit of file sizes with EFBIG
  CommandLine line(argc, argv);
  return RunGuarded(line, body);
}

}  // namespace hat
