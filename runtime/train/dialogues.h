// Text for distillation that an instruction model writes itself: questions as a user might ask,
// drawn from the model's own distribution of a user's turn, and its greedy answers. A drafter that
// learns from it sees what the model will say, and nobody's text is needed. Free of torch.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/model/compute.h"

namespace hat {

struct Model;

struct DialogueOptions {
  uint64_t seed = 1;
  double temperature = 1;  // of the drawn user's turn; > 0
  int most_likely = 50;    // drawn from these
  int user_tokens = 96;    // at most
  int answer_tokens = 192;
  int together = 32;  // dialogues at once
  Compute compute;
};

struct Dialogue {
  std::vector<int32_t> user;    // drawn; without the token that ended it
  std::vector<int32_t> answer;  // greedy; ended by an end token or by its length
};

// `before`: what stands before a user's turn in the chat template, `between`: from its end to where
// the answer begins; neither is empty. Makes the dialogues first..first + count - 1, of which each
// draws numbers of its own, and hands each over when it is done, in their order. `take` returns
// false to end it. Throws InputError: together they do not fit the model's positions; RunError.
using TakeDialogue = std::function<bool(const Dialogue&)>;
void MakeDialogues(const Model& model, const std::vector<int32_t>& before,
                   const std::vector<int32_t>& between, const DialogueOptions& options, int first,
                   int count, const TakeDialogue& take);
void MakeDialogues(const std::string& model_folder, const std::vector<int32_t>& before,
                   const std::vector<int32_t>& between, const DialogueOptions& options, int first,
                   int count, const TakeDialogue& take);

}  // namespace hat
