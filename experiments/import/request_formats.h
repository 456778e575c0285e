// The formats of request traces and prompt sets that can be imported, one row each. What is taken
// from each, and what is lost: docs/formats.md.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "experiments/import/request_trace.h"

namespace hat {

// How many tokens a text has, for formats that hold text: one of both ways.
struct ImportOptions {
  // Of a word, which is what stands between blanks. An estimate.
  std::optional<double> tokens_per_word = {};
  // As a tokenizer counts; throws InputError for a text that is not UTF-8.
  std::function<int(const std::string& text)> count_tokens = {};
  std::string tokenizer = {};  // its name, for the notes
};

std::string RequestFormatNames();  // "azure, burstgpt, ..."

struct ImportedRequests {
  std::string format;
  RequestTrace trace;
};

// Reads `text`, the content of the file `name`, as `format`: a name of the table, or "auto", which
// goes by the content. Throws InputError: an unknown format, content that is of none or of another
// one, a bad row (which it names with its line and its column). Rows that the format's rules leave
// out are counted.
ImportedRequests ReadRequestTrace(const std::string& format, std::string text,
                                  const std::string& name, const ImportOptions& options = {});

}  // namespace hat
