// The tokenizer within a GGUF, as the files that a checkpoint has.
#pragma once

#include <map>
#include <string>

#include "runtime/convert/gguf_file.h"

namespace hat {

// File name -> content: tokenizer.json (byte-level) or tokenizer.model (sentencepiece), and
// tokenizer_config.json with the special tokens and the chat template. Throws InputError: a kind of
// tokenizer, or a way of splitting text, that is not known here (named); lists that contradict each
// other.
std::map<std::string, std::string> TokenizerFiles(const GgufContent& gguf);

}  // namespace hat
