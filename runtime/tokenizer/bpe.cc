#include "runtime/tokenizer/bpe.h"

#include <queue>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "core/utf8.h"

namespace hat {
namespace {

constexpr int kMostPieces = 1 << 24;

uint64_t PairOf(int32_t left, int32_t right) {
  return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
}

// The two parts of a merge, which is "a b" or, since parts may have blanks, ["a", "b"].
std::pair<std::string, std::string> PartsOf(const JsonNode& merge) {
  if (merge.IsArray()) {
    const std::vector<JsonNode> parts = merge.Items();
    if (parts.size() != 2) merge.Fail("must have two parts");
    return {parts[0].String(), parts[1].String()};
  }
  const std::string text = merge.String();
  const size_t blank = text.find(' ');
  if (blank == std::string::npos || text.find(' ', blank + 1) != std::string::npos) {
    merge.Fail(fmt::format("must be two parts with a blank between, got \"{}\"", text));
  }
  return {text.substr(0, blank), text.substr(blank + 1)};
}

// A word on its way: symbols in a list, so that two become one in constant time.
class Merging {
 public:
  explicit Merging(const std::vector<int32_t>& symbols) {
    const auto count = static_cast<int32_t>(symbols.size());
    for (int32_t i = 0; i < count; ++i) {
      links_.push_back({symbols[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1});
    }
  }

  // `find`(left, right) gives a merge or null.
  template <typename Find>
  void Run(const Find& find) {
    for (int32_t i = 0; i < static_cast<int32_t>(links_.size()); ++i) Offer(i, find);
    while (!offers_.empty()) {
      const auto [rank, left, merged] = offers_.top();
      offers_.pop();
      if (!Stands(left, merged, find)) continue;
      Link& link = links_[static_cast<size_t>(left)];
      const int32_t right = link.next;
      link.symbol = merged;
      link.next = links_[static_cast<size_t>(right)].next;
      links_[static_cast<size_t>(right)].symbol = -1;
      if (link.next >= 0) links_[static_cast<size_t>(link.next)].before = left;
      if (link.before >= 0) Offer(link.before, find);
      Offer(left, find);
    }
  }

  void Collect(std::vector<int32_t>& ids) const {
    for (const Link& link : links_) {
      if (link.symbol >= 0) ids.push_back(link.symbol);
    }
  }

 private:
  struct Link {
    int32_t symbol;  // -1: part of one before
    int32_t before;
    int32_t next;
  };
  using Offered = std::tuple<int32_t, int32_t, int32_t>;  // rank, place of the left one, result

  template <typename Find>
  void Offer(int32_t left, const Find& find) {
    const Link& link = links_[static_cast<size_t>(left)];
    if (link.symbol < 0 || link.next < 0) return;
    const auto* merge = find(link.symbol, links_[static_cast<size_t>(link.next)].symbol);
    if (merge) offers_.emplace(merge->rank, left, merge->merged);
  }

  // Is what was offered there still what the two would become?
  template <typename Find>
  bool Stands(int32_t left, int32_t merged, const Find& find) const {
    const Link& link = links_[static_cast<size_t>(left)];
    if (link.symbol < 0 || link.next < 0) return false;
    const auto* merge = find(link.symbol, links_[static_cast<size_t>(link.next)].symbol);
    return merge && merge->merged == merged;
  }

  std::vector<Link> links_;
  std::priority_queue<Offered, std::vector<Offered>, std::greater<>> offers_;
};

}  // namespace

Bpe::Bpe(const JsonNode& model) {
  model.At("type").Choice({"BPE"});
  const auto has = [&](const char* key) { return model.Has(key) && !model.At(key).IsNull(); };
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (has(key)) model.At(key).Choice({""});
  }
  if (has("dropout")) model.At("dropout").Number(0, 0);
  const auto flag = [&](const char* key) { return has(key) && model.At(key).Bool(); };
  fuses_unknown_ = flag("fuse_unk");
  ignores_merges_ = flag("ignore_merges");
  ReadVocabulary(model.At("vocab"));
  ReadMerges(model.At("merges"));
  if (flag("byte_fallback")) ReadBytePieces();
  if (!has("unk_token")) return;
  unknown_ = Find(model.At("unk_token").String());
  if (unknown_ < 0) model.At("unk_token").Fail("must be a piece of 'vocab'");
}

void Bpe::ReadVocabulary(const JsonNode& vocabulary) {
  for (const std::string& piece : vocabulary.Keys()) {
    const auto id = static_cast<int32_t>(vocabulary.At(piece).Integer(0, kMostPieces));
    const auto place = static_cast<size_t>(id);
    if (place >= pieces_.size()) pieces_.resize(place + 1);
    if (!pieces_[place].empty()) {
      vocabulary.At(piece).Fail(fmt::format("has the id of \"{}\", {}", pieces_[place], id));
    }
    pieces_[place] = piece;
    ids_.emplace(piece, id);
  }
}

void Bpe::ReadMerges(const JsonNode& merges) {
  int32_t rank = 0;
  for (const JsonNode& merge : merges.Items()) {
    const auto [left, right] = PartsOf(merge);
    const auto id_of = [&](const std::string& piece) {
      const int32_t id = Find(piece);
      if (id < 0) merge.Fail(fmt::format("has or makes \"{}\", which is no piece", piece));
      return id;
    };
    const Merge made = {rank++, id_of(left + right)};
    merges_.emplace(PairOf(id_of(left), id_of(right)), made);
  }
}

void Bpe::ReadBytePieces() {
  for (int byte = 0; byte < 256; ++byte) {
    byte_pieces_.push_back(Find(fmt::format("<0x{:02X}>", byte)));
    if (byte_pieces_.back() >= 0) continue;
    byte_pieces_.clear();  // as in tokenizers, all of a character's or none
    return;
  }
}

int32_t Bpe::Find(const std::string& piece) const {
  const auto found = ids_.find(piece);
  return found == ids_.end() ? -1 : found->second;
}

const Bpe::Merge* Bpe::FindMerge(int32_t left, int32_t right) const {
  const auto found = merges_.find(PairOf(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::vector<int32_t> Bpe::Symbols(std::string_view word) const {
  std::vector<int32_t> symbols;
  bool was_unknown = false;
  for (size_t at = 0; at < word.size();) {
    const std::string_view character = word.substr(at, Utf8Character(word.substr(at)));
    at += character.size();
    const int32_t id = Find(std::string(character));
    const bool is_unknown = id < 0 && byte_pieces_.empty();
    if (id >= 0) {
      symbols.push_back(id);
    } else if (!is_unknown) {
      for (const char byte : character) {
        symbols.push_back(byte_pieces_[static_cast<unsigned char>(byte)]);
      }
    } else if (unknown_ >= 0 && !(was_unknown && fuses_unknown_)) {
      symbols.push_back(unknown_);
    }
    was_unknown = is_unknown;
  }
  return symbols;
}

void Bpe::Encode(std::string_view word, std::vector<int32_t>& ids) const {
  if (ignores_merges_) {
    if (const int32_t whole = Find(std::string(word)); whole >= 0) {
      ids.push_back(whole);
      return;
    }
  }
  Merging merging(Symbols(word));
  merging.Run([this](int32_t left, int32_t right) { return FindMerge(left, right); });
  merging.Collect(ids);
}

}  // namespace hat
