#include "runtime/train/cut_prompts.h"

#include <algorithm>

#include "core/error.h"
#include "core/random.h"

namespace hat {
namespace {

// A line of a genre's text.
struct Place {
  size_t document = 0;
  size_t offset = 0;  // in the document
  size_t in_all = 0;  // in all documents, one behind the other
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

// Of text[offset..]: all ids, or the first `wanted` and some more, without encoding a whole book.
std::vector<int32_t> HeadIds(const std::string& text, size_t offset, size_t wanted,
                             const Tokenizer& tokenizer) {
  constexpr size_t kBytesEach = 64;  // more than a piece has
  const size_t end = text.find('\n', offset + kBytesEach * wanted);
  std::vector<int32_t> ids =
      tokenizer.Encode(text.substr(offset, end == std::string::npos ? end : end - offset));
  return ids.size() >= wanted || end == std::string::npos ? ids
                                                          : tokenizer.Encode(text.substr(offset));
}

// The first `count` ids from `place` on.
std::vector<int32_t> IdsFrom(const GenreText& genre, const Place& place, int count,
                             const Tokenizer& tokenizer, int begin_token) {
  const auto wanted = static_cast<size_t>(count);
  std::vector<int32_t> ids;
  size_t offset = place.offset;
  for (size_t i = 0; ids.size() < wanted; ++i, offset = 0) {
    if (i > genre.documents.size()) {
      throw InputError("the genre '" + genre.name + "' has fewer tokens than the " +
                       std::to_string(count) + " of a prompt");
    }
    const std::string& text = genre.documents[(place.document + i) % genre.documents.size()];
    if (begin_token >= 0) ids.push_back(begin_token);
    const std::vector<int32_t> of_text = HeadIds(text, offset, wanted - ids.size(), tokenizer);
    ids.insert(ids.end(), of_text.begin(), of_text.end());
  }
  ids.resize(wanted);
  return ids;
}

}  // namespace

std::vector<Prompt> CutPrompts(const std::vector<GenreText>& genres, const Tokenizer& tokenizer,
                               const PromptCut& cut) {
  std::vector<Prompt> prompts(cut.lengths.size());
  for (size_t g = 0; g < genres.size(); ++g) {
    const GenreText& genre = genres[g];
    const std::vector<Place> starts = LineStarts(genre);
    if (starts.empty()) throw InputError("the genre '" + genre.name + "' holds blank lines only");
    std::vector<size_t> rows;
    int64_t all_tokens = 0;
    for (size_t row = g; row < prompts.size(); row += genres.size()) {
      rows.push_back(row);
      all_tokens += cut.lengths[row];
    }
    const RngStream stream = RngStream(cut.seed, "cut prompts").At(g);
    int64_t tokens_before = 0;
    for (const int i : RandomPermutation(stream, static_cast<int>(rows.size()))) {
      const size_t row = rows[static_cast<size_t>(i)];
      // As far into the text as its tokens are into those of all prompts of the genre.
      const double share = static_cast<double>(tokens_before) / static_cast<double>(all_tokens);
      const auto wanted = static_cast<size_t>(share * static_cast<double>(BytesOf(genre)));
      const auto start = std::ranges::lower_bound(starts, wanted, {}, &Place::in_all);
      const Place& place = start == starts.end() ? starts.front() : *start;
      prompts[row] = {genre.name,
                      IdsFrom(genre, place, cut.lengths[row], tokenizer, cut.begin_token)};
      tokens_before += cut.lengths[row];
    }
  }
  return prompts;
}

}  // namespace hat
