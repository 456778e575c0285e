#include "runtime/convert/gguf_tokenizer.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "core/utf8.h"
#include "runtime/convert/sentencepiece_file.h"

namespace hat {
namespace {

using nlohmann::json;

constexpr const char* kTokens = "tokenizer.ggml.tokens";
constexpr const char* kTokenTypes = "tokenizer.ggml.token_type";
constexpr const char* kMerges = "tokenizer.ggml.merges";
constexpr const char* kTemplate = "tokenizer.chat_template";

// How text is split before byte-level merging: what "tokenizer.ggml.pre" names.
struct Splitting {
  const char* name;
  const char* pattern;  // of a Split; null: the digits one by one, then ByteLevel's own
  bool takes_digits;
  bool ignores_merges;
  bool composes;  // NFC
};
constexpr const char* kLlama3Pattern =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr const char* kQwen2Pattern =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
constexpr Splitting kSplittings[] = {{"gpt-2", nullptr, false, false, false},
                                     {"smollm", nullptr, true, false, false},
                                     {"llama-bpe", kLlama3Pattern, false, true, false},
                                     {"qwen2", kQwen2Pattern, false, false, true}};

const Splitting& SplittingOf(const GgufContent& gguf) {
  const std::string name = gguf.Text("tokenizer.ggml.pre");
  for (const Splitting& splitting : kSplittings) {
    if (splitting.name == name) return splitting;
  }
  gguf.Fail("tokenizer.ggml.pre",
            fmt::format("is \"{}\"; known are gpt-2, smollm, llama-bpe and qwen2", name));
}

json ByteLevel(bool splits) {
  return {{"type", "ByteLevel"},
          {"add_prefix_space", false},
          {"trim_offsets", true},
          {"use_regex", splits}};
}

json PreTokenizer(const Splitting& splitting) {
  json steps = json::array();
  if (splitting.takes_digits) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
  if (splitting.pattern) {
    steps.push_back({{"type", "Split"},
                     {"pattern", {{"Regex", splitting.pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}});
  }
  steps.push_back(ByteLevel(splitting.pattern == nullptr));
  return {{"type", "Sequence"}, {"pretokenizers", steps}};
}

PieceKind KindOf(double type) {
  return type >= 1 && type <= 6 ? static_cast<PieceKind>(static_cast<int>(type))
                                : PieceKind::kNormal;
}

// The kinds of all tokens; those of a file without the list are normal ones.
std::vector<PieceKind> KindsOf(const GgufContent& gguf) {
  const size_t count = gguf.Texts(kTokens).size();
  std::vector<PieceKind> kinds(count, PieceKind::kNormal);
  if (!gguf.Has(kTokenTypes)) return kinds;
  const std::vector<double>& types = gguf.Numbers(kTokenTypes);
  if (types.size() != count) {
    gguf.Fail(kTokenTypes, fmt::format("has {} items, the tokens {}", types.size(), count));
  }
  for (size_t i = 0; i < count; ++i) kinds[i] = KindOf(types[i]);
  return kinds;
}

// A special token's id, if the file has one.
std::optional<int64_t> Special(const GgufContent& gguf, const char* role) {
  const std::string key = fmt::format("tokenizer.ggml.{}_token_id", role);
  if (!gguf.Has(key)) return std::nullopt;
  const auto count = static_cast<int64_t>(gguf.Texts(kTokens).size());
  return gguf.Integer(key, 0, count - 1);
}

json Added(const GgufContent& gguf, const std::vector<PieceKind>& kinds) {
  const std::vector<std::string>& tokens = gguf.Texts(kTokens);
  json added = json::array();
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (kinds[id] != PieceKind::kControl && kinds[id] != PieceKind::kUserDefined) continue;
    added.push_back({{"id", id},
                     {"content", tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", kinds[id] == PieceKind::kControl}});
  }
  return added;
}

// The begin token in front, where the file wants one.
json PostProcessor(const GgufContent& gguf, bool adds_begin) {
  const auto begin = Special(gguf, "bos");
  if (!adds_begin || !begin) return nullptr;
  const std::string& name = gguf.Texts(kTokens)[static_cast<size_t>(*begin)];
  const json token = {{"SpecialToken", {{"id", name}, {"type_id", 0}}}};
  const json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const json second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  return {{"type", "TemplateProcessing"},
          {"single", json::array({token, text})},
          {"pair", json::array({token, text, second})},
          {"special_tokens", {{name, {{"id", name}, {"ids", {*begin}}, {"tokens", {name}}}}}}};
}

std::string TokenizerJson(const GgufContent& gguf, bool adds_begin) {
  const Splitting& splitting = SplittingOf(gguf);
  json vocabulary = json::object();
  const std::vector<std::string>& tokens = gguf.Texts(kTokens);
  for (size_t id = 0; id < tokens.size(); ++id) {
    if (vocabulary.contains(tokens[id])) {
      gguf.Fail(kTokens, fmt::format("has \"{}\" twice", tokens[id]));
    }
    vocabulary[tokens[id]] = id;
  }
  json document;
  document["version"] = "1.0";
  document["truncation"] = nullptr;
  document["padding"] = nullptr;
  document["added_tokens"] = Added(gguf, KindsOf(gguf));
  document["normalizer"] = splitting.composes ? json{{"type", "NFC"}} : json();
  document["pre_tokenizer"] = PreTokenizer(splitting);
  document["post_processor"] = PostProcessor(gguf, adds_begin);
  document["decoder"] = ByteLevel(true);
  document["model"] = {{"type", "BPE"},
                       {"dropout", nullptr},
                       {"unk_token", nullptr},
                       {"continuing_subword_prefix", nullptr},
                       {"end_of_word_suffix", nullptr},
                       {"fuse_unk", false},
                       {"byte_fallback", false},
                       {"ignore_merges", splitting.ignores_merges},
                       {"vocab", std::move(vocabulary)},
                       {"merges", gguf.Texts(kMerges)}};
  return document.dump(1) + "\n";
}

std::string TokenizerModel(const GgufContent& gguf) {
  constexpr const char* kScores = "tokenizer.ggml.scores";
  const std::vector<std::string>& tokens = gguf.Texts(kTokens);
  const std::vector<double>& scores = gguf.Numbers(kScores);
  if (scores.size() != tokens.size()) {
    gguf.Fail(kScores, fmt::format("has {} items, the tokens {}", scores.size(), tokens.size()));
  }
  const std::vector<PieceKind> kinds = KindsOf(gguf);
  std::vector<SentencePiece> pieces;
  for (size_t id = 0; id < tokens.size(); ++id) {
    pieces.push_back({tokens[id], static_cast<float>(scores[id]), kinds[id]});
  }
  return SentencePieceFile(pieces, gguf.Flag("tokenizer.ggml.add_space_prefix", true));
}

std::string TokenizerConfig(const GgufContent& gguf, bool adds_begin) {
  json config;
  config["add_bos_token"] = adds_begin;
  for (const char* role : {"bos", "eos", "unknown", "padding"}) {
    const auto id = Special(gguf, role);
    if (!id) continue;
    const std::string_view short_role = role;
    const std::string key = short_role == "unknown"   ? "unk_token"
                            : short_role == "padding" ? "pad_token"
                                                      : fmt::format("{}_token", role);
    config[key] = gguf.Texts(kTokens)[static_cast<size_t>(*id)];
  }
  if (gguf.Has(kTemplate)) config["chat_template"] = gguf.Text(kTemplate);
  config["clean_up_tokenization_spaces"] = false;
  config["tokenizer_class"] = "PreTrainedTokenizerFast";
  return config.dump(2) + "\n";
}

void RequireUtf8(const GgufContent& gguf) {
  for (const char* key : {kTokens, kMerges}) {
    if (!gguf.Has(key) && key == kMerges) continue;
    for (const std::string& text : gguf.Texts(key)) {
      if (!IsUtf8(text)) gguf.Fail(key, "has a text that is not UTF-8");
    }
  }
  if (gguf.Has(kTemplate) && !IsUtf8(gguf.Text(kTemplate))) gguf.Fail(kTemplate, "is not UTF-8");
}

}  // namespace

std::map<std::string, std::string> TokenizerFiles(const GgufContent& gguf) {
  RequireUtf8(gguf);
  const std::string model = gguf.Text("tokenizer.ggml.model");
  const bool is_pieces = model == "llama";
  if (model != "gpt2" && !is_pieces) {
    gguf.Fail("tokenizer.ggml.model", fmt::format("is \"{}\"; known are gpt2 and llama", model));
  }
  // llama.cpp's defaults, where the file does not say.
  const bool is_llama3 = !is_pieces && gguf.Text("tokenizer.ggml.pre") == "llama-bpe";
  const bool adds_begin = gguf.Flag("tokenizer.ggml.add_bos_token", is_pieces || is_llama3);
  std::map<std::string, std::string> files;
  if (is_pieces) {
    files["tokenizer.model"] = TokenizerModel(gguf);
  } else {
    files["tokenizer.json"] = TokenizerJson(gguf, adds_begin);
  }
  files["tokenizer_config.json"] = TokenizerConfig(gguf, adds_begin);
  return files;
}

}  // namespace hat
