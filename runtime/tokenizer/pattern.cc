#include "runtime/tokenizer/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <fmt/format.h>

#include "core/error.h"

namespace hat {
namespace {

// Outside and inside of brackets alike.
std::string WithUnicodeSpaces(const std::string& expression) {
  std::string text;
  for (size_t i = 0; i < expression.size(); ++i) {
    const char after = i + 1 < expression.size() ? expression[i + 1] : '\0';
    if (expression[i] != '\\' || after == '\0') {
      text += expression[i];
      continue;
    }
    ++i;
    if (after == 's') {
      text += "\\p{White_Space}";
    } else if (after == 'S') {
      text += "\\P{White_Space}";
    } else {
      text += {'\\', after};
    }
  }
  return text;
}

std::string Reason(int error) {
  PCRE2_UCHAR text[256] = {};
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

const pcre2_code* CodeOf(const std::shared_ptr<const void>& code) {
  return static_cast<const pcre2_code*>(code.get());
}

}  // namespace

Pattern::Pattern(const std::string& expression, const std::string& where) : where_(where) {
  const std::string text = WithUnicodeSpaces(expression);
  int error = 0;
  PCRE2_SIZE place = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK, &error, &place, nullptr);
  if (code == nullptr) {
    throw InputError(fmt::format("{}: the pattern '{}' cannot be read: {} (at byte {})", where,
                                 expression, Reason(error), place));
  }
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without it, it is only slower
  code_ = std::shared_ptr<const void>(code, [](const void* one) {
    pcre2_code_free(static_cast<pcre2_code*>(const_cast<void*>(one)));
  });
}

void Pattern::Split(std::string_view text, const Take& take) const {
  const std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
      pcre2_match_data_create_from_pattern(CodeOf(code_), nullptr), pcre2_match_data_free);
  size_t taken = 0;
  size_t from = 0;
  while (from < text.size()) {
    const int found =
        pcre2_match(CodeOf(code_), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                    PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, match.get(), nullptr);
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0) throw InputError(where_ + ": a pattern gives up on the text: " + Reason(found));
    const PCRE2_SIZE* const ends = pcre2_get_ovector_pointer(match.get());
    if (ends[0] > taken) take(text.substr(taken, ends[0] - taken), false);
    take(text.substr(ends[0], ends[1] - ends[0]), true);
    from = taken = ends[1];
  }
  if (taken < text.size()) take(text.substr(taken), false);
}

}  // namespace hat
