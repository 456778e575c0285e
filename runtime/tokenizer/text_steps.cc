#include "runtime/tokenizer/text_steps.h"

#include <cstdlib>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <utf8proc.h>

#include "core/error.h"
#include "core/utf8.h"
#include "runtime/tokenizer/byte_letters.h"
#include "runtime/tokenizer/pattern.h"

namespace hat {
namespace {

// How GPT-2 splits text: what ByteLevel does by itself.
constexpr const char* kGpt2Words =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

bool FlagOr(const JsonNode& node, const char* key, bool fallback) {
  return node.Has(key) ? node.At(key).Bool() : fallback;
}

std::string KindOf(const JsonNode& node, const std::vector<std::string>& allowed) {
  return node.At("type").Choice(allowed);
}

// The value of the key, unless it is missing or null.
std::optional<JsonNode> StepOf(const JsonNode& tokenizer, const char* key) {
  if (!tokenizer.Has(key) || tokenizer.At(key).IsNull()) return std::nullopt;
  return tokenizer.At(key);
}

std::string ReplaceAll(std::string_view text, const std::string& old, const std::string& fresh) {
  std::string result;
  for (size_t at = 0;;) {
    const size_t found = text.find(old, at);
    result += text.substr(at, found - at);
    if (found == std::string_view::npos) return result;
    result += fresh;
    at = found + old.size();
  }
}

// {"String": ...} of a Replace; patterns are only in Split.
std::string ReplacedString(const JsonNode& replace) {
  const std::string text = replace.At("pattern").At("String").String();
  if (text.empty()) replace.At("pattern").Fail("must not be empty");
  return text;
}

std::string Nfc(std::string_view text) {
  utf8proc_uint8_t* composed = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &composed,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  HAT_CHECK(size >= 0, "text that is UTF-8");
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, std::free);
  return {reinterpret_cast<const char*>(composed), static_cast<size_t>(size)};
}

Normalizer NormalizerOf(const JsonNode& node) {
  const std::string kind = KindOf(node, {"NFC", "Prepend", "Replace", "Sequence"});
  if (kind == "NFC") return Nfc;
  if (kind == "Prepend") {
    return [prefix = node.At("prepend").String()](std::string_view text) {
      return text.empty() ? std::string() : prefix + std::string(text);
    };
  }
  if (kind == "Replace") {
    return [old = ReplacedString(node), fresh = node.At("content").String()](
               std::string_view text) { return ReplaceAll(text, old, fresh); };
  }
  std::vector<Normalizer> steps;
  for (const JsonNode& step : node.At("normalizers").Items()) steps.push_back(NormalizerOf(step));
  return [steps](std::string_view text) {
    std::string result(text);
    for (const Normalizer& step : steps) result = step(result);
    return result;
  };
}

Splitter ByPattern(const std::string& expression, const JsonNode& node, bool keeps_matches) {
  return [pattern = Pattern(expression, node.Where()), keeps_matches](std::string_view text, bool) {
    Words words;
    pattern.Split(text, [&](std::string_view stretch, bool is_match) {
      if (keeps_matches || !is_match) words.emplace_back(stretch);
    });
    return words;
  };
}

Splitter SplitterByKey(const JsonNode& node) {
  if (FlagOr(node, "invert", false)) node.At("invert").Fail("must be false");
  const std::string behavior = node.At("behavior").Choice({"Isolated", "Removed"});
  const JsonNode pattern = node.At("pattern");
  pattern.AllowOnly({"Regex", "String"});
  if (pattern.Has("Regex")) {
    return ByPattern(pattern.At("Regex").String(), node, behavior == "Isolated");
  }
  // As it stands: between \Q and \E, which the text itself may end.
  const std::string text = ReplaceAll(pattern.At("String").String(), "\\E", "\\E\\\\E\\Q");
  return ByPattern("\\Q" + text + "\\E", node, behavior == "Isolated");
}

Splitter ByteLevelSplitter(const JsonNode& node) {
  const Splitter split = FlagOr(node, "use_regex", true)
                             ? ByPattern(kGpt2Words, node, true)
                             : [](std::string_view text, bool) { return Words{std::string(text)}; };
  const bool adds_space = FlagOr(node, "add_prefix_space", true);
  return [split, adds_space](std::string_view text, bool is_start) {
    std::string spaced(adds_space && !text.starts_with(' ') ? " " : "");
    spaced += text;
    Words words = split(spaced, is_start);
    for (std::string& word : words) word = ToByteLetters(word);
    return words;
  };
}

// Where Metaspace puts a mark in front: "always", "first" or "never"; older files have a flag.
std::string SchemeOf(const JsonNode& metaspace) {
  if (metaspace.Has("prepend_scheme")) {
    return metaspace.At("prepend_scheme").Choice({"always", "first", "never"});
  }
  return FlagOr(metaspace, "add_prefix_space", true) ? "always" : "never";
}

Splitter MetaspaceSplitter(const JsonNode& node) {
  const std::string mark = node.At("replacement").String();
  const std::string scheme = SchemeOf(node);
  const bool splits = FlagOr(node, "split", true);
  return [mark, scheme, splits](std::string_view text, bool is_start) {
    std::string marked = ReplaceAll(text, " ", mark);
    const bool prepends = scheme == "always" || (scheme == "first" && is_start);
    if (prepends && !marked.starts_with(mark)) marked.insert(0, mark);
    Words words;
    while (splits) {  // each mark begins a word
      const size_t next = marked.find(mark, 1);
      if (next == std::string::npos) break;
      words.push_back(marked.substr(0, next));
      marked.erase(0, next);
    }
    words.push_back(marked);
    return words;
  };
}

Splitter SplitterOf(const JsonNode& node) {
  const std::string kind = KindOf(node, {"ByteLevel", "Digits", "Metaspace", "Sequence", "Split"});
  if (kind == "ByteLevel") return ByteLevelSplitter(node);
  if (kind == "Metaspace") return MetaspaceSplitter(node);
  if (kind == "Split") return SplitterByKey(node);
  if (kind == "Digits") {
    return ByPattern(FlagOr(node, "individual_digits", false) ? "\\p{N}" : "\\p{N}+", node, true);
  }
  std::vector<Splitter> steps;
  for (const JsonNode& step : node.At("pretokenizers").Items()) steps.push_back(SplitterOf(step));
  return [steps](std::string_view text, bool is_start) {
    Words words = {std::string(text)};
    for (const Splitter& step : steps) {
      Words smaller;
      for (size_t i = 0; i < words.size(); ++i) {
        for (std::string& word : step(words[i], is_start && i == 0)) {
          if (!word.empty()) smaller.push_back(std::move(word));
        }
      }
      words = std::move(smaller);
    }
    return words;
  };
}

using PieceStep = std::function<void(Words&)>;

std::string Joined(const Words& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

// Pieces whose letters are bytes; one with other letters stands for itself.
void JoinByteLetters(Words& pieces) {
  std::string text;
  for (const std::string& piece : pieces) text += FromByteLetters(piece).value_or(piece);
  pieces = {text};
}

// The byte of "<0x0A>", or -1.
int ByteOf(const std::string& piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
  char* end = nullptr;
  const long byte = std::strtol(piece.c_str() + 3, &end, 16);
  return end == piece.c_str() + 5 && byte >= 0 ? static_cast<int>(byte) : -1;
}

// Runs of byte pieces become their characters; a run that is no UTF-8, a U+FFFD a byte.
void JoinBytePieces(Words& pieces) {
  Words joined;
  std::string run;
  const auto end_run = [&] {
    if (run.empty()) return;
    std::string text = run;
    if (!IsUtf8(run)) {
      text.clear();
      for (size_t i = 0; i < run.size(); ++i) text += kReplacementCharacter;
    }
    joined.push_back(text);
    run.clear();
  };
  for (const std::string& piece : pieces) {
    if (const int byte = ByteOf(piece); byte >= 0) {
      run += static_cast<char>(byte);
      continue;
    }
    end_run();
    joined.push_back(piece);
  }
  end_run();
  pieces = std::move(joined);
}

PieceStep StripStep(const JsonNode& node) {
  const std::string content = node.At("content").String();
  const int64_t start = node.At("start").Integer(0, 1000);
  const int64_t stop = node.At("stop").Integer(0, 1000);
  if (content.empty()) node.At("content").Fail("must not be empty");
  return [=](Words& pieces) {
    for (std::string& piece : pieces) {
      for (int64_t i = 0; i < start && piece.starts_with(content); ++i)
        piece.erase(0, content.size());
      for (int64_t i = 0; i < stop && piece.ends_with(content); ++i) {
        piece.erase(piece.size() - content.size());
      }
    }
  };
}

// The mark that the first piece begins with is not text, where the splitter may have put it there.
PieceStep MetaspaceStep(const JsonNode& node) {
  const std::string mark = node.At("replacement").String();
  const bool prepends = SchemeOf(node) != "never";
  return [mark, prepends](Words& pieces) {
    for (size_t i = 0; i < pieces.size(); ++i) {
      std::string& piece = pieces[i];
      if (i == 0 && prepends && piece.starts_with(mark)) piece.erase(0, mark.size());
      piece = ReplaceAll(piece, mark, " ");
    }
  };
}

PieceStep PieceStepOf(const JsonNode& node) {
  const std::string kind = KindOf(
      node, {"ByteFallback", "ByteLevel", "Fuse", "Metaspace", "Replace", "Sequence", "Strip"});
  if (kind == "ByteFallback") return JoinBytePieces;
  if (kind == "ByteLevel") return JoinByteLetters;
  if (kind == "Fuse") return [](Words& pieces) { pieces = {Joined(pieces)}; };
  if (kind == "Metaspace") return MetaspaceStep(node);
  if (kind == "Strip") return StripStep(node);
  if (kind == "Replace") {
    return [old = ReplacedString(node), fresh = node.At("content").String()](Words& pieces) {
      for (std::string& piece : pieces) piece = ReplaceAll(piece, old, fresh);
    };
  }
  std::vector<PieceStep> steps;
  for (const JsonNode& step : node.At("decoders").Items()) steps.push_back(PieceStepOf(step));
  return [steps](Words& pieces) {
    for (const PieceStep& step : steps) step(pieces);
  };
}

}  // namespace

Normalizer ReadNormalizer(const JsonNode& tokenizer) {
  const std::optional<JsonNode> node = StepOf(tokenizer, "normalizer");
  if (node) return NormalizerOf(*node);
  return [](std::string_view text) { return std::string(text); };
}

Splitter ReadSplitter(const JsonNode& tokenizer) {
  const std::optional<JsonNode> node = StepOf(tokenizer, "pre_tokenizer");
  if (node) return SplitterOf(*node);
  return [](std::string_view text, bool) { return Words{std::string(text)}; };
}

Decoder ReadDecoder(const JsonNode& tokenizer) {
  const std::optional<JsonNode> node = StepOf(tokenizer, "decoder");
  PieceStep step;
  if (node) step = PieceStepOf(*node);
  return [step](Words pieces) {
    if (step) step(pieces);
    return Joined(pieces);
  };
}

}  // namespace hat
