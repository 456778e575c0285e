#include "runtime/session/generation.h"

#include <fmt/format.h>

#include "core/error.h"

namespace hat {

void CheckRequest(const GenerationRequest& request, const ModelConfig& config) {
  if (request.prompt.empty()) throw InputError("the prompt is empty; it needs at least one token");
  for (const int32_t id : request.prompt) {
    if (id < 0 || id >= config.shape.vocabulary) {
      throw InputError(fmt::format("token id {} of the prompt is outside the vocabulary, 0 to {}",
                                   id, config.shape.vocabulary - 1));
    }
  }
  const auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  if (prompt_tokens > config.max_positions) {
    throw InputError(fmt::format("the prompt has {} tokens; the model has {} positions",
                                 prompt_tokens, config.max_positions));
  }
  const int64_t room = config.max_positions - prompt_tokens + 1;  // the last token needs none
  if (request.max_new_tokens < 1 || request.max_new_tokens > room) {
    throw InputError(
        fmt::format("after a prompt of {} tokens there is room for 1 to {} new tokens "
                    "in the model's {} positions, not for {}",
                    prompt_tokens, room, config.max_positions, request.max_new_tokens));
  }
}

double Generation::AcceptLength() const {
  if (rounds.empty()) return 0;
  return static_cast<double>(output_ids.size() - 1) / static_cast<double>(rounds.size());
}

}  // namespace hat
