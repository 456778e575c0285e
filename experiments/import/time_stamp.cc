#include "experiments/import/time_stamp.h"

#include "experiments/import/tally.h"

namespace hat {
namespace {

// Takes text apart from its front; once something does not fit, `ok` stays false.
struct Scanner {
  std::string_view rest;
  bool ok = true;

  // So many digits, of a number between the two.
  int Number(size_t digits, int low, int high) {
    int value = 0;
    ok = ok && rest.size() >= digits;
    for (size_t i = 0; ok && i < digits; ++i) {
      ok = rest[i] >= '0' && rest[i] <= '9';
      value = value * 10 + (rest[i] - '0');
    }
    if (ok) rest.remove_prefix(digits);
    ok = ok && low <= value && value <= high;
    return value;
  }

  // One of these; '\0' where none of them comes.
  char OneOf(std::string_view characters) {
    if (!ok || rest.empty() || characters.find(rest[0]) == std::string_view::npos) return '\0';
    const char found = rest[0];
    rest.remove_prefix(1);
    return found;
  }

  void Need(std::string_view characters) { ok = OneOf(characters) != '\0' && ok; }
};

bool IsLeap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int DaysOf(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

// From 1970, `year` and later.
int64_t DaysSince1970(int year, int month, int day) {
  int64_t days = day - 1;
  for (int y = 1970; y < year; ++y) days += IsLeap(y) ? 366 : 365;
  for (int m = 1; m < month; ++m) days += DaysOf(year, m);
  return days;
}

int64_t Decimals(Scanner& scanner) {
  int64_t ns = 0;
  int64_t unit = kNsPerSecond;
  if (scanner.OneOf(".") == '\0') return 0;
  do {
    unit /= 10;
    ns += unit * scanner.Number(1, 0, 9);
  } while (scanner.ok && unit > 1 && !scanner.rest.empty() && scanner.rest[0] >= '0' &&
           scanner.rest[0] <= '9');
  return ns;
}

int64_t OffsetSeconds(Scanner& scanner) {
  if (scanner.OneOf("Z") != '\0') return 0;
  const char sign = scanner.OneOf("+-");
  if (sign == '\0') return 0;
  const int hours = scanner.Number(2, 0, 23);
  scanner.Need(":");
  const int minutes = scanner.Number(2, 0, 59);
  return (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

}  // namespace

std::optional<int64_t> ParseTimeStamp(std::string_view text) {
  Scanner scanner{text};
  const int year = scanner.Number(4, 1970, 2200);
  scanner.Need("-");
  const int month = scanner.Number(2, 1, 12);
  scanner.Need("-");
  const int day = scanner.Number(2, 1, scanner.ok ? DaysOf(year, month) : 31);
  scanner.Need(" T");
  const int hour = scanner.Number(2, 0, 23);
  scanner.Need(":");
  const int minute = scanner.Number(2, 0, 59);
  scanner.Need(":");
  const int second = scanner.Number(2, 0, 59);
  const int64_t ns = Decimals(scanner);
  const int64_t offset = OffsetSeconds(scanner);
  if (!scanner.ok || !scanner.rest.empty()) return std::nullopt;
  const int64_t days = DaysSince1970(year, month, day);
  return (days * 86400 + hour * 3600 + minute * 60 + second - offset) * kNsPerSecond + ns;
}

}  // namespace hat
