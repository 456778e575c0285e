// What a tokenizer.json does to text beside its model: the normalizer before, the pre-tokenizer
// that splits it into words, and the decoder that makes text of pieces. All throw InputError for a
// kind that is not known here: file, key, what is allowed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/strict_json.h"

namespace hat {

// Text to text: NFC, Prepend, Replace, or a sequence of them.
using Normalizer = std::function<std::string(std::string_view)>;
Normalizer ReadNormalizer(const JsonNode& tokenizer);

// Text to words. `is_start`: the text is what the whole input begins with.
using Words = std::vector<std::string>;
using Splitter = std::function<Words(std::string_view text, bool is_start)>;
// ByteLevel, Digits, Metaspace, Split (by a pattern that isolates or removes), or a sequence.
Splitter ReadSplitter(const JsonNode& tokenizer);

// Pieces to text, not yet checked to be UTF-8: ByteLevel, Metaspace, or a sequence of those,
// ByteFallback, Fuse, Replace and Strip.
using Decoder = std::function<std::string(Words pieces)>;
Decoder ReadDecoder(const JsonNode& tokenizer);

}  // namespace hat
