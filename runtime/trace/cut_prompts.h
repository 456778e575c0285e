// Prompts of wanted lengths, cut from text. Free of torch.
#pragma once

#include <cstdint>
#include <vector>

#include "experiments/traces/prompt_file.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/trace/genre_text.h"

namespace hat {

struct PromptCut {
  std::vector<int> lengths;  // tokens of each prompt; each >= 1
  int begin_token = -1;      // >= 0: stands before each prompt, and counts
  uint64_t seed = 1;         // of where which prompt lies
};

// Prompt i is of genre i mod genres. It begins at the start of a line that is not blank and goes on
// over the document's end, if need be, into the next one. A genre's prompts lie spread over all of
// its text in an order that the seed draws, side by side where it is short; no two have a line in
// common. Throws InputError if a genre has too little text for that.
std::vector<Prompt> CutPrompts(const std::vector<GenreText>& genres, const Tokenizer& tokenizer,
                               const PromptCut& cut);

}  // namespace hat
