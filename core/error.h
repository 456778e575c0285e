// Failures. The user's are exceptions that `main` turns into one line on stderr; ours abort.
#pragma once

#include <stdexcept>
#include <string>

namespace hat {

// Bad input (a file, a flag, a frame): says what, where, what is allowed. Exit code 2.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The input was fine but the run could not be finished (disk full, stdout closed). Exit code 1.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Prints "file:line: internal error: ..." to stderr and aborts.
[[noreturn]] void FailCheck(const char* file, int line, const char* condition,
                            const std::string& detail);

}  // namespace hat

// A claim about our own code, checked in every build: HAT_CHECK(condition) or HAT_CHECK(condition,
// detail).
#define HAT_CHECK(condition, ...)                                                 \
  do {                                                                            \
    if (!(condition)) [[unlikely]]                                                \
      ::hat::FailCheck(__FILE__, __LINE__, #condition, std::string(__VA_ARGS__)); \
  } while (false)
