#include "core/error.h"

#include <cstdio>
#include <cstdlib>

namespace hat {

void FailCheck(const char* file, int line, const char* condition, const std::string& detail) {
  std::fprintf(stderr, "%s:%d: internal error: %s does not hold%s%s\n", file, line, condition,
               detail.empty() ? "" : ": ", detail.c_str());
  std::abort();
}

}  // namespace hat
