#include "runtime/train/dialogues.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/random.h"
#include "runtime/model/likeliest.h"
#include "runtime/model/submodels.h"
#include "runtime/model/torch_compute.h"
#include "runtime/model/weights.h"

namespace hat {
namespace {

// One dialogue on its way.
struct Writing {
  Writing(KvCache its_cache, RngStream its_draws, const std::vector<int32_t>& before)
      : cache(std::move(its_cache)), draws(its_draws), next(before) {}

  bool is_done() const { return !cache; }

  std::optional<KvCache> cache;  // until it is done
  RngStream draws;
  std::vector<int32_t> next;  // to be read
  bool is_answering = false;
  Dialogue dialogue;
};

// One of the likeliest, by its share of softmax(logits / temperature) over them.
int32_t Draw(const std::vector<Likely>& likeliest, double temperature, RngStream& draws) {
  std::vector<double> weights;
  double all = 0;
  for (const Likely& one : likeliest) {
    weights.push_back(std::exp((one.logit - likeliest[0].logit) / temperature));
    all += weights.back();
  }
  double rest = draws.Uniform() * all;
  for (size_t i = 0; i + 1 < weights.size(); ++i) {
    if (rest < weights[i]) return likeliest[i].token;
    rest -= weights[i];
  }
  return likeliest.back().token;
}

class Writer {
 public:
  Writer(const Model& model, const std::vector<int32_t>& between, const DialogueOptions& options)
      : config_(model.config),
        between_(between),
        options_(options),
        input_(model, config_.shape.layer_count(), options.compute),
        head_(model, options.compute, &input_) {}

  Writing Begin(const std::vector<int32_t>& before, int index) const {
    const int slots = static_cast<int>(before.size() + between_.size()) + options_.user_tokens +
                      options_.answer_tokens;
    return Writing(input_.MakeCache(slots),
                   RngStream(options_.seed, "dialogues").At(static_cast<uint64_t>(index)), before);
  }

  // A token for each that is not done.
  void Step(std::deque<Writing>& writings) const {
    const at::NoGradGuard no_grad;
    std::vector<int32_t> ids;
    std::vector<SequencePart> parts;
    std::vector<int64_t> last_rows;
    std::vector<Writing*> active;
    for (Writing& one : writings) {
      if (one.is_done()) continue;
      ids.insert(ids.end(), one.next.begin(), one.next.end());
      parts.push_back({&*one.cache, static_cast<int>(one.next.size()), {}});
      last_rows.push_back(static_cast<int64_t>(ids.size()) - 1);
      active.push_back(&one);
    }
    const at::Tensor states = input_.Forward(ids, parts);  // [ids, hidden]
    const at::Tensor last = states.index_select(0, ToDevice(last_rows, options_.compute));
    const auto likeliest = LikeliestTokens(
        head_.Logits(last), std::min(options_.most_likely, config_.shape.vocabulary));
    for (size_t i = 0; i < active.size(); ++i) Take(*active[i], likeliest[i]);
  }

 private:
  bool IsEnd(int32_t token) const {
    return std::ranges::find(config_.eos_tokens, token) != config_.eos_tokens.end();
  }

  void Take(Writing& one, const std::vector<Likely>& likeliest) const {
    if (!one.is_answering) {
      const int32_t token = Draw(likeliest, options_.temperature, one.draws);
      if (!IsEnd(token)) one.dialogue.user.push_back(token);
      one.is_answering =
          IsEnd(token) || static_cast<int>(one.dialogue.user.size()) == options_.user_tokens;
      one.next = {token};
      if (!one.is_answering) return;
      // The last word of the turn is read too, unless it is the end, which `between` begins with.
      one.next.resize(IsEnd(token) ? 0 : 1);
      one.next.insert(one.next.end(), between_.begin(), between_.end());
      return;
    }
    const int32_t token = likeliest[0].token;
    one.dialogue.answer.push_back(token);
    const bool ends =
        IsEnd(token) || static_cast<int>(one.dialogue.answer.size()) == options_.answer_tokens;
    one.next = {token};
    if (ends) one.cache.reset();
  }

  const ModelConfig& config_;
  const std::vector<int32_t>& between_;
  const DialogueOptions& options_;
  InputModel input_;
  OutputHead head_;
};

}  // namespace

void MakeDialogues(const Model& model, const std::vector<int32_t>& before,
                   const std::vector<int32_t>& between, const DialogueOptions& options, int first,
                   int count, const TakeDialogue& take) {
  HAT_CHECK(!before.empty() && !between.empty() && options.temperature > 0);
  CheckCompute(options.compute);
  const int longest = static_cast<int>(before.size() + between.size()) + options.user_tokens +
                      options.answer_tokens;
  if (longest > model.config.max_positions) {
    throw InputError("a dialogue may have " + std::to_string(longest) + " tokens, the model has " +
                     std::to_string(model.config.max_positions) + " positions");
  }
  WithMemoryErrors([&] {
    const Writer writer(model, between, options);
    // In order; where one is done the next begins, so that a step has always as many.
    std::deque<Writing> writings;
    for (int begun = 0; begun < count || !writings.empty();) {
      auto active = std::ranges::count_if(writings, std::not_fn(&Writing::is_done));
      for (; begun < count && active < options.together; ++begun, ++active) {
        writings.push_back(writer.Begin(before, first + begun));
      }
      writer.Step(writings);
      for (; !writings.empty() && writings.front().is_done(); writings.pop_front()) {
        if (!take(writings.front().dialogue)) return;
      }
    }
  });
}

void MakeDialogues(const std::string& model_folder, const std::vector<int32_t>& before,
                   const std::vector<int32_t>& between, const DialogueOptions& options, int first,
                   int count, const TakeDialogue& take) {
  MakeDialogues(OpenModel(model_folder), before, between, options, first, count, take);
}

}  // namespace hat
