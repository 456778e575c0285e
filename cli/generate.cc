// hat generate: a model continues a prompt, split between a device and a cloud in one process.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/model_options.h"
#include "cli/prompt_options.h"
#include "cli/torch_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/scenario/limits.h"
#include "runtime/model/config.h"
#include "runtime/session/split_model.h"
#include "runtime/session/whole_model.h"
#include "runtime/tokenizer/tokenizer.h"

namespace hat {
namespace {

constexpr const char* kWhole = "whole";

struct GenerateOptions : ModelOptions, PromptOptions {
  bool json = false;
  int threads = 0;
};

void AddOptions(CommandLine& line, GenerateOptions& options) {
  line.description(
      "A model continues a prompt, token by token, always the likeliest next. The model is split: "
      "a device's layers and a cloud's run in this process, the protocol's own code in between. "
      "Every system gives the same tokens; 'whole' is the model in one piece.");
  line.footer(
      "Examples:\n"
      "  hat generate --model model --prompt 'In the beginning'\n"
      "  hat generate --model model --prompt-ids 1,17,4 --system u-shape --json");
  AddModelOptions(line, options, true);
  AddPromptOptions(line, options);
  line.add_option("--threads", options.threads, "that compute (default: all cores)")
      ->check(CLI::Range(1, kMostThreads));
  line.add_flag("--json", options.json, "print one JSON object in place of the text");
}

SplitOptions SplitOptionsOf(const GenerateOptions& options, const SplitPlan& plan) {
  SplitOptions split;
  split.plan = plan;
  split.system = SystemOf(options);
  split.adapter = AdapterOf(options, split.system);
  split.medusa = MedusaOf(options, split.system);
  return split;
}

struct Totals {
  explicit Totals(const Generation& generation) {
    for (const RoundEvent& round : generation.rounds) {
      drafted += round.drafted;
      accepted += round.accepted;
    }
  }
  int drafted = 0;
  int accepted = 0;
};

nlohmann::ordered_json Json(const GenerateOptions& options, const GenerationRequest& request,
                            const Generation& generation, double ms_per_token) {
  const Totals totals(generation);
  nlohmann::ordered_json ties = nlohmann::ordered_json::array();
  for (const NearTie& tie : generation.near_ties) {
    ties.push_back(
        {{"decision", Name(tie.decision)}, {"output_index", tie.output_index}, {"gap", tie.gap}});
  }
  nlohmann::ordered_json json;
  json["commit"] = BuildCommit();
  json["system"] = options.system;
  json["prompt_ids"] = request.prompt;
  json["output_ids"] = generation.output_ids;
  json["accept_length"] = nullptr;
  if (!generation.rounds.empty()) json["accept_length"] = generation.AcceptLength();
  json["rounds"] = generation.rounds.size();
  json["drafted"] = totals.drafted;
  json["accepted"] = totals.accepted;
  json["ms_per_token"] = ms_per_token;
  json["near_ties"] = std::move(ties);
  return json;
}

void PrintSummary(const Generation& generation, double ms_per_token) {
  const Totals totals(generation);
  std::string text =
      fmt::format("{} tokens, {:.1f} tokens/s", generation.output_ids.size(), 1000 / ms_per_token);
  if (!generation.rounds.empty()) {
    text += fmt::format(", accept length {:.2f} ({} rounds, {} of {} drafted tokens accepted)",
                        generation.AcceptLength(), generation.rounds.size(), totals.accepted,
                        totals.drafted);
  }
  if (!generation.near_ties.empty()) {
    text += fmt::format(", {} near-ties", generation.near_ties.size());
  }
  SayLine(text);
}

// One call of whatever runs the model.
std::function<Generation(const GenerationRequest&, const TokenListener&)> OpenGenerator(
    const GenerateOptions& options, const SplitPlan& plan) {
  if (options.system == kWhole) {
    const auto whole = std::make_shared<WholeModel>(options.model, plan);
    return [whole](const auto& request, const auto& listen) {
      return whole->Generate(request, listen);
    };
  }
  const auto split = std::make_shared<SplitModel>(options.model, SplitOptionsOf(options, plan));
  return
      [split](const auto& request, const auto& listen) { return split->Generate(request, listen); };
}

int Generate(const GenerateOptions& options) {
  if (options.threads > 0) SetThreads(options.threads);
  const ModelConfig config = ReadModelConfig(options.model);
  const SplitPlan plan = PlanOf(options, config);
  if (options.system != kWhole) CheckSplit(plan, config);
  const std::optional<Tokenizer> tokenizer = FindTokenizer(options, options.model, config);
  const GenerationRequest request = RequestOf(options, options.model, config, tokenizer);
  const auto generate = OpenGenerator(options, plan);

  std::optional<Screen> screen;
  if (!options.json) screen.emplace(tokenizer, request.prompt);
  const auto start = std::chrono::steady_clock::now();
  const Generation generation = generate(request, [&](int, std::span<const int32_t> tokens) {
    if (screen) screen->Show(tokens);
  });
  const std::chrono::duration<double, std::milli> elapsed =
      std::chrono::steady_clock::now() - start;
  const double ms_per_token = elapsed.count() / static_cast<double>(generation.output_ids.size());
  if (screen) {
    screen->Finish();
    PrintSummary(generation, ms_per_token);
  } else {
    PrintResult(Json(options, request, generation, ms_per_token).dump() + "\n");
  }
  return 0;
}

}  // namespace

int GenerateVerb(CommandLine& line) {
  GenerateOptions options;
  AddOptions(line, options);
  line.Parse();
  return Generate(options);
}

}  // namespace hat
