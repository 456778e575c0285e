#include "runtime/profile/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/files.h"

namespace hat {
namespace {

constexpr char kReference[] = "reference ";

std::string LineOf(double reference_us) { return fmt::format("{}{}\n", kReference, reference_us); }

double ParseReference(const std::string& line, const std::string& where) {
  std::istringstream text(line.substr(std::strlen(kReference)));
  double us = 0;
  if (!(text >> us) || !text.eof() || !std::isfinite(us)) {
    throw InputError(where + " is no line of a journal");
  }
  return us;
}

std::string LineOf(const Visit& visit) {
  return fmt::format("{} {} {}\n", visit.round, visit.point, fmt::join(visit.samples_us, " "));
}

Visit ParseLine(const std::string& line, const std::string& where) {
  std::istringstream text(line);
  Visit visit;
  double us = 0;
  bool is_good = static_cast<bool>(text >> visit.round >> visit.point);
  while (is_good && text >> us) {
    is_good = std::isfinite(us);
    visit.samples_us.push_back(us);
  }
  if (!is_good || !text.eof() || visit.samples_us.empty() || visit.round < 0 || visit.point < 0) {
    throw InputError(where + " is no line of a journal");
  }
  return visit;
}

}  // namespace

JournalContent ReadJournal(const std::string& path) {
  const std::string text = ReadFile(path);
  JournalContent content;
  size_t begin = 0;
  int number = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (++number == 1) {
      content.header = line;
      continue;
    }
    const std::string where = fmt::format("{}: line {}", path, number);
    if (line.starts_with(kReference)) {
      content.reference_us.push_back(ParseReference(line, where));
    } else {
      content.visits.push_back(ParseLine(line, where));
    }
  }
  if (number == 0) throw InputError(path + ": is no journal of a profile");
  return content;
}

Journal::Journal(std::string path, const JournalContent& content) : path_(std::move(path)) {
  std::string text = content.header + "\n";
  for (const double us : content.reference_us) text += LineOf(us);
  for (const Visit& visit : content.visits) text += LineOf(visit);
  WriteFileAtomically(path_, text);
  fd_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd_ < 0) throw RunError(fmt::format("cannot open '{}': {}", path_, std::strerror(errno)));
}

Journal::~Journal() { ::close(fd_); }

void Journal::Add(const Visit& visit) { Write(LineOf(visit)); }

void Journal::AddReference(double us) { Write(LineOf(us)); }

void Journal::Write(const std::string& line) {
  const ssize_t written = ::write(fd_, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) {
    if (written >= 0) errno = ENOSPC;  // a short write says nothing
    throw RunError(fmt::format("cannot write '{}': {}", path_, std::strerror(errno)));
  }
}

void Journal::Remove() { ::unlink(path_.c_str()); }

}  // namespace hat
