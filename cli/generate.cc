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

#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/traces/prompt_file.h"
#include "runtime/model/config.h"
#include "runtime/model/tokenizer.h"
#include "runtime/session/split_model.h"
#include "runtime/session/whole_model.h"

namespace hat {
namespace {

constexpr const char* kWhole = "whole";

struct Options {
  std::string model;
  std::optional<std::string> prompt;
  std::optional<std::string> prompt_ids;
  std::optional<int> max_new_tokens;
  std::string system = "hat";
  std::optional<int> split;
  std::optional<int> chunk;
  double draft_threshold = PolicyOptions().draft_threshold;
  std::string adapter, medusa;
  std::string dtype = "fp32", wire_dtype, device = "cpu";
  bool json = false;
};

void AddOptions(CommandLine& line, Options& options) {
  line.description(
      "A model continues a prompt, token by token, always the likeliest next. The model is split: "
      "a "
      "device's layers and a cloud's run in this process, the protocol's own code in between. "
      "Every "
      "system gives the same tokens; 'whole' is the model in one piece.");
  line.footer(
      "Examples:\n"
      "  hat generate --model model --prompt 'In the beginning'\n"
      "  hat generate --model model --prompt-ids 1,17,4 --system u-shape --json");
  line.add_option(
          "--model", options.model,
          "folder of a Llama-family checkpoint: config.json, *.safetensors, tokenizer.model")
      ->required()
      ->transform(ShippedPath);
  CLI::Option* prompt = line.add_option("--prompt", options.prompt, "text; needs the tokenizer");
  CLI::Option* ids = line.add_option("--prompt-ids", options.prompt_ids, "token ids: 1,17,4");
  prompt->excludes(ids);
  line.add_option("--max-new-tokens", options.max_new_tokens,
                  "ends it (default: 64, fewer where the model's positions end before)")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()));
  line.add_option("--system", options.system, "whole, u-shape, u-sarathi, hat or u-medusa")
      ->capture_default_str()
      ->check(CLI::IsMember({kWhole, "u-shape", "u-sarathi", "hat", "u-medusa"}));
  line.add_option("--split", options.split, "layers on the device (default: 2, or all but one)");
  line.add_option("--chunk", options.chunk,
                  "prompt tokens a chunk (default: the system's own way of chunking)")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()));
  line.add_option("--draft-threshold", options.draft_threshold,
                  "hat drafts on while its confidence is at least this, 0 to 1")
      ->capture_default_str();
  line.add_option(
      "--adapter", options.adapter,
      "hat's drafter: a file or random:SEED (default: adapter.safetensors in the model's "
      "folder)");
  line.add_option("--medusa", options.medusa,
                  "u-medusa's heads: a file or random:SEED (default: medusa.safetensors there)");
  line.add_option("--dtype", options.dtype, "to compute in: fp64, fp32, fp16, bf16")
      ->capture_default_str();
  line.add_option("--wire-dtype", options.wire_dtype,
                  "of the states between device and cloud: fp32, fp16, bf16 (default: as --dtype, "
                  "fp32 for fp64)");
  line.add_option("--device", options.device, "cpu or cuda:N")->capture_default_str();
  line.add_flag("--json", options.json, "print one JSON object in place of the text");
}

SplitPlan PlanOf(const Options& options, const ModelConfig& config) {
  SplitPlan plan;
  plan.split = options.split.value_or(std::min(2, config.shape.layer_count() - 1));
  plan.compute = {ParseDtype(options.dtype, "--dtype"), options.device};
  plan.wire = options.wire_dtype.empty()
                  ? WireDtypeFor(plan.compute.dtype)
                  : ParseDtype(options.wire_dtype, "--wire-dtype", kWireDtypes);
  return plan;
}

// The file that an option names, or that lies in the model's folder.
std::string FileOr(const std::string& given, const Options& options, const char* flag,
                   const char* name) {
  if (!given.empty()) return given;
  std::string path = options.model + "/" + name;
  std::error_code error;
  if (std::filesystem::exists(path, error)) return path;
  throw InputError(
      fmt::format("'{}' needs {}: there is no {}; give a file, or random:SEED for an "
                  "untrained one",
                  options.system, flag, path));
}

SplitOptions SplitOptionsOf(const Options& options, const SplitPlan& plan) {
  SplitOptions split;
  split.plan = plan;
  split.system = FindSystem(options.system);
  if (options.chunk) {
    split.system.chunking = "fixed";
    split.system.options.chunk_fixed = *options.chunk;
  }
  split.system.options.draft_threshold = options.draft_threshold;
  if (split.system.drafts_chains()) {
    split.adapter = FileOr(options.adapter, options, "--adapter", "adapter.safetensors");
  }
  if (split.system.drafts_trees) {
    split.medusa = FileOr(options.medusa, options, "--medusa", "medusa.safetensors");
  }
  return split;
}

// The tokenizer where there is one; ids need none.
std::optional<Tokenizer> FindTokenizer(const Options& options, const ModelConfig& config) {
  const std::string path = options.model + "/tokenizer.model";
  std::error_code error;
  if (!options.prompt && !std::filesystem::exists(path, error)) return std::nullopt;
  return Tokenizer(path, config.shape.vocabulary);
}

std::vector<int32_t> ParseIds(const std::string& text) {
  std::vector<int32_t> ids = ParseTokenIds(text, ',');
  if (ids.empty()) {
    throw InputError(
        fmt::format("--prompt-ids: numbers with commas between them (1,17,4), not '{}'", text));
  }
  return ids;
}

GenerationRequest RequestOf(const Options& options, const ModelConfig& config,
                            const std::optional<Tokenizer>& tokenizer) {
  GenerationRequest request;
  if (options.prompt_ids) request.prompt = ParseIds(*options.prompt_ids);
  if (options.prompt) {
    if (config.bos_token >= 0) request.prompt.push_back(config.bos_token);
    const std::vector<int32_t> text = tokenizer->Encode(*options.prompt);
    request.prompt.insert(request.prompt.end(), text.begin(), text.end());
  }
  const int room = config.max_positions - static_cast<int>(request.prompt.size()) + 1;
  request.max_new_tokens = options.max_new_tokens.value_or(std::clamp(room, 1, 64));
  CheckRequest(request, config);
  return request;
}

// Prints tokens as they come: text, or ids where there is no tokenizer.
class Screen {
 public:
  Screen(const std::optional<Tokenizer>& tokenizer, const std::vector<int32_t>& prompt) {
    if (tokenizer) text_.emplace(*tokenizer, prompt);
  }
  void Show(std::span<const int32_t> tokens) {
    for (const int32_t token : tokens) {
      PrintResult(text_ ? text_->Add(token) : fmt::format("{}{}", is_first_ ? "" : " ", token));
      is_first_ = false;
    }
  }
  void Finish() { PrintResult((text_ ? text_->Finish() : "") + "\n"); }

 private:
  std::optional<TextStream> text_;
  bool is_first_ = true;
};

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

nlohmann::ordered_json Json(const Options& options, const GenerationRequest& request,
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
  fmt::print(stderr, "{}\n", text);
}

// One call of whatever runs the model.
std::function<Generation(const GenerationRequest&, const TokenListener&)> OpenGenerator(
    const Options& options, const SplitPlan& plan) {
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

int Generate(const Options& options) {
  if (!options.prompt && !options.prompt_ids) {
    throw InputError("give a prompt: --prompt TEXT or --prompt-ids 1,2,3");
  }
  if (!(options.draft_threshold >= 0 && options.draft_threshold <= 1)) {  // NaN is neither
    throw InputError(
        fmt::format("--draft-threshold must be >= 0 and <= 1, got {}", options.draft_threshold));
  }
  const ModelConfig config = ReadModelConfig(options.model);
  const SplitPlan plan = PlanOf(options, config);
  if (options.system != kWhole) CheckSplit(plan, config);
  const std::optional<Tokenizer> tokenizer = FindTokenizer(options, config);
  const GenerationRequest request = RequestOf(options, config, tokenizer);
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
  Options options;
  AddOptions(line, options);
  line.Parse();
  return Generate(options);
}

}  // namespace hat
