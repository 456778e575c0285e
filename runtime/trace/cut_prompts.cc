#include "runtime/trace/cut_prompts.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/random.h"

namespace hat {
namespace {

// A line of a genre's text.
struct Place {
  size_t document = 0;
  size_t offset = 0;  // in the document
  size_t in_all = 0;  // in all documents, one after the other
};

std::vector<Place> LineStarts(const GenreText& genre) {
  std::vector<Place> starts;
  size_t before = 0;
  for (size_t i = 0; i < genre.documents.size(); ++i) {
    const std::string& text = genre.documents[i];
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      if (text.find_first_not_of(" \t\r", at) < end) starts.push_back({i, at, before + at});
      at = end + 1;
    }
    before += text.size();
  }
  return starts;
}

size_t BytesOf(const GenreText& genre) {
  size_t bytes = 0;
  for (const std::string& document : genre.documents) bytes += document.size();
  return bytes;
}

// Some ids and where their text ends.
struct Piece {
  std::vector<int32_t> ids;
  size_t end = 0;
};

// The first lines of text[offset..] that have `wanted` ids or a few more; all lines if they have
// not.
Piece FirstLines(const std::string& text, size_t offset, size_t wanted,
                 const Tokenizer& tokenizer) {
  constexpr size_t kStep = 8;  // an eighth more text each time
  if (wanted == 0) return {{}, offset};
  for (size_t bytes = wanted;; bytes += bytes / kStep + 1) {
    const size_t last = text.find('\n', offset + bytes - 1);
    const size_t end = last == std::string::npos ? text.size() : last + 1;
    std::vector<int32_t> ids = tokenizer.Encode(text.substr(offset, end - offset));
    if (ids.size() >= wanted || end == text.size()) return {std::move(ids), end};
  }
}

// The first `wanted` ids from `place` on, fewer if the text ends before. The end is in all
// documents.
Piece PieceFrom(const GenreText& genre, const Place& place, size_t wanted,
                const Tokenizer& tokenizer, int begin_token) {
  Piece piece;
  size_t offset = place.offset;
  size_t before = place.in_all - offset;  // bytes of the documents before
  for (size_t i = place.document; i < genre.documents.size() && piece.ids.size() < wanted; ++i) {
    const std::string& text = genre.documents[i];
    if (begin_token >= 0) piece.ids.push_back(begin_token);
    const Piece lines = FirstLines(text, offset, wanted - piece.ids.size(), tokenizer);
    piece.ids.insert(piece.ids.end(), lines.ids.begin(), lines.ids.end());
    piece.end = before + lines.end;
    before += text.size();
    offset = 0;
  }
  if (piece.ids.size() > wanted) piece.ids.resize(wanted);
  return piece;
}

// Prompts of these lengths, each after the text of the one before it: spread over the genre's
// text, or side by side. Nothing if they do not fit.
std::vector<std::vector<int32_t>> CutGenre(const GenreText& genre, const std::vector<int>& lengths,
                                           bool is_spread, const Tokenizer& tokenizer,
                                           int begin_token) {
  const std::vector<Place> starts = LineStarts(genre);
  if (starts.empty()) throw InputError("the genre '" + genre.name + "' holds blank lines only");
  const double all_tokens = std::accumulate(lengths.begin(), lengths.end(), 0.0);
  const auto all_bytes = static_cast<double>(BytesOf(genre));
  std::vector<std::vector<int32_t>> prompts;
  double tokens_before = 0;
  size_t end = 0;
  for (const int length : lengths) {
    // As far into the text as its tokens are into those of all prompts of the genre.
    const double share = is_spread ? tokens_before / all_tokens : 0;
    const auto wanted = static_cast<size_t>(share * all_bytes);
    const auto start = std::ranges::lower_bound(starts, std::max(wanted, end), {}, &Place::in_all);
    if (start == starts.end()) return {};
    Piece piece = PieceFrom(genre, *start, static_cast<size_t>(length), tokenizer, begin_token);
    if (static_cast<int>(piece.ids.size()) < length) return {};
    prompts.push_back(std::move(piece.ids));
    end = piece.end;
    tokens_before += length;
  }
  return prompts;
}

}  // namespace

std::vector<Prompt> CutPrompts(const std::vector<GenreText>& genres, const Tokenizer& tokenizer,
                               const PromptCut& cut) {
  std::vector<Prompt> prompts(cut.lengths.size());
  for (size_t g = 0; g < genres.size() && g < prompts.size(); ++g) {
    const GenreText& genre = genres[g];
    const size_t count = (prompts.size() - g - 1) / genres.size() + 1;
    std::vector<size_t> rows;  // in the order in which they lie in the text
    std::vector<int> lengths;
    for (const int i :
         RandomPermutation(RngStream(cut.seed, "cut prompts").At(g), static_cast<int>(count))) {
      rows.push_back(g + static_cast<size_t>(i) * genres.size());
      lengths.push_back(cut.lengths[rows.back()]);
    }
    const auto ids_of = [&](bool is_spread) {
      return CutGenre(genre, lengths, is_spread, tokenizer, cut.begin_token);
    };
    std::vector<std::vector<int32_t>> all = ids_of(true);
    if (all.empty()) all = ids_of(false);
    if (all.empty()) {
      throw InputError("the genre '" + genre.name + "' has too little text for its " +
                       std::to_string(count) + " prompts, " +
                       std::to_string(std::accumulate(lengths.begin(), lengths.end(), int64_t{0})) +
                       " tokens in all: no two may have a line in common");
    }
    for (size_t i = 0; i < count; ++i) prompts[rows[i]] = {genre.name, std::move(all[i])};
  }
  return prompts;
}

}  // namespace hat
