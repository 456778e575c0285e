// A tokenizer.json: added tokens are found, the rest is normalized, split into words, and each word
// encoded; as the library tokenizers does it.
#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"
#include "core/utf8.h"
#include "runtime/tokenizer/added_tokens.h"
#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/text_coder.h"
#include "runtime/tokenizer/text_steps.h"

namespace hat {
namespace {

std::vector<AddedToken> Those(const std::vector<AddedToken>& tokens, bool controls,
                              bool normalized) {
  std::vector<AddedToken> those;
  std::ranges::copy_if(tokens, std::back_inserter(those), [&](const AddedToken& token) {
    return token.is_normalized == normalized && (controls || !token.is_control);
  });
  return those;
}

// The one token that a template puts before the text.
int32_t BeginOfTemplate(const JsonNode& processor) {
  int32_t begin = -1;
  bool is_behind = false;
  for (const JsonNode& part : processor.At("single").Items()) {
    if (part.Has("Sequence")) {
      is_behind = true;
      continue;
    }
    const JsonNode name = part.At("SpecialToken").At("id");
    const auto ids = processor.At("special_tokens").At(name.String()).At("ids").Items();
    if (is_behind || begin >= 0 || ids.size() != 1) {
      processor.At("single").Fail("must put one token before the text at most, and none behind it");
    }
    begin = static_cast<int32_t>(ids[0].Integer(0, 1 << 24));
  }
  return begin;
}

int32_t BeginOf(const JsonNode& processor) {
  const std::string kind =
      processor.At("type").Choice({"ByteLevel", "Sequence", "TemplateProcessing"});
  if (kind == "TemplateProcessing") return BeginOfTemplate(processor);
  int32_t begin = -1;
  if (kind == "Sequence") {
    for (const JsonNode& one : processor.At("processors").Items()) {
      begin = std::max(begin, BeginOf(one));
    }
  }
  return begin;
}

class JsonCoder final : public TextCoder {
 public:
  explicit JsonCoder(const JsonNode& file)
      : bpe_(file.At("model")),
        normalizer_(ReadNormalizer(file)),
        splitter_(ReadSplitter(file)),
        decoder_(ReadDecoder(file)) {
    const std::vector<AddedToken> tokens = ReadAddedTokens(file);
    pieces_ = bpe_.pieces();
    for (const AddedToken& token : tokens) {
      const auto place = static_cast<size_t>(token.id);
      if (place >= pieces_.size()) pieces_.resize(place + 1);
      pieces_[place] = token.name;
      if (token.is_control) controls_.insert(token.id);
    }
    for (const bool controls : {false, true}) {
      finders_.push_back({TokenFinder(Those(tokens, controls, false), normalizer_),
                          TokenFinder(Those(tokens, controls, true), normalizer_)});
    }
    if (file.Has("post_processor") && !file.At("post_processor").IsNull()) {
      begin_token_ = BeginOf(file.At("post_processor"));
    }
  }

  std::string kind() const override { return "byte-pair encoding"; }
  int pieces() const override { return static_cast<int>(pieces_.size()); }
  std::optional<int32_t> begin_token() const override { return begin_token_; }

  std::string ControlName(int32_t id) const override {
    return controls_.contains(id) ? pieces_[static_cast<size_t>(id)] : "";
  }

  std::vector<int32_t> Encode(const std::string& text, bool finds_controls) const override {
    const Finders& finders = finders_[finds_controls ? 1 : 0];
    std::vector<int32_t> ids;
    bool is_start = true;
    for (const TextPart& part : finders.raw.Parts(text)) {
      if (part.token >= 0) {
        ids.push_back(part.token);
      } else {
        EncodeNormalized(finders.normalized.Parts(normalizer_(part.text)), is_start, ids);
      }
      is_start = false;
    }
    return ids;
  }

  std::string Decode(std::span<const int32_t> ids) const override {
    Words pieces;
    for (const int32_t id : ids) {
      if (!controls_.contains(id)) pieces.push_back(pieces_[static_cast<size_t>(id)]);
    }
    return WithoutInvalidUtf8(decoder_(std::move(pieces)));
  }

 private:
  struct Finders {
    TokenFinder raw;
    TokenFinder normalized;
  };

  void EncodeNormalized(const std::vector<TextPart>& parts, bool is_start,
                        std::vector<int32_t>& ids) const {
    for (const TextPart& part : parts) {
      if (part.token >= 0) {
        ids.push_back(part.token);
      } else {
        for (const std::string& word : splitter_(part.text, is_start)) bpe_.Encode(word, ids);
      }
      is_start = false;
    }
  }

  Bpe bpe_;
  Normalizer normalizer_;
  Splitter splitter_;
  Decoder decoder_;
  std::vector<std::string> pieces_;
  std::set<int32_t> controls_;
  std::vector<Finders> finders_;  // without control tokens, and with them
  int32_t begin_token_ = -1;
};

}  // namespace

std::unique_ptr<const TextCoder> OpenTokenizerJson(const std::string& path) {
  return ParseTokenizerJson(ReadFile(path, size_t{256} << 20), path);
}

std::unique_ptr<const TextCoder> ParseTokenizerJson(const std::string& text,
                                                    const std::string& name) {
  const nlohmann::json document = ParseJson(text, name);
  return std::make_unique<JsonCoder>(JsonNode(document, name));
}

}  // namespace hat
