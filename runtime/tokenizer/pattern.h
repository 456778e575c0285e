// A regular expression over UTF-8 text, as tokenizer.json writes them for Oniguruma; PCRE2 runs it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace hat {

class Pattern {
 public:
  // \s is Unicode's White_Space, as in Oniguruma (PCRE2's own has U+180E besides). Throws
  // InputError, which `where` starts, for what is no expression.
  Pattern(const std::string& expression, const std::string& where);

  // Calls `take` with each match that is not empty and each stretch between matches, in order:
  // together they are the text, which must be UTF-8. Throws InputError for an expression that gives
  // up on the text (it backtracks without end).
  using Take = std::function<void(std::string_view stretch, bool is_match)>;
  void Split(std::string_view text, const Take& take) const;

 private:
  std::string where_;
  std::shared_ptr<const void> code_;  // shared by copies
};

}  // namespace hat
