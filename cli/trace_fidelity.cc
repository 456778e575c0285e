// hat trace fidelity: how often a split model says what the whole one says, by types of numbers.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "cli/progress_line.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "cli/trace_model.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "experiments/traces/prompt_file.h"
#include "runtime/session/split_model.h"

namespace hat {
namespace {

struct FidelityOptions {
  DraftedModel model;
  std::string prompts, out, system = "hat";
  std::vector<std::string> compute = {"fp32", "bf16"}, wires = {"fp32", "fp16", "bf16"};
  std::optional<int> rows;
  int output_tokens = 128;
  int together = 1;
  double draft_threshold = PolicyOptions().draft_threshold;
};

void AddOptions(CommandLine& line, FidelityOptions& options) {
  line.description(
      "Runs a model on prompts, split and whole, in each type to compute in and each type on the "
      "wire, and says how many answers are equal: to the whole model's at the same types, and at "
      "fp32. Where the first difference lies, and how many decisions were near-ties. Answers end "
      "at an end-of-text token.");
  line.footer(
      "Example:\n"
      "  hat trace fidelity --model models/small --prompts models/small/prompts.csv --rows 48");
  line.add_option("--prompts", options.prompts, "prompts as token ids, CSV (docs/formats.md)")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--rows", options.rows, "prompts to run, evenly spread (default: all)")
      ->check(CLI::PositiveNumber);
  line.add_option("--max-new-tokens", options.output_tokens, "of an answer")
      ->capture_default_str()
      ->check(CLI::Range(1, DraftTraceInfo::kMaxOutputTokens));
  line.add_option("--system", options.system,
                  "of the split model: u-shape, u-sarathi, hat, u-medusa")
      ->capture_default_str()
      ->check(CLI::IsMember({"u-shape", "u-sarathi", "hat", "u-medusa"}));
  line.add_option("--compute", options.compute, "types to compute in, a list")
      ->capture_default_str()
      ->delimiter(',');
  line.add_option("--wires", options.wires, "types on the wire, a list")
      ->capture_default_str()
      ->delimiter(',');
  line.add_option("--together", options.together, "split requests at once, a device each")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  line.add_option("--draft-threshold", options.draft_threshold, "as of 'hat generate'")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  line.add_option("--out", options.out, "CSV of all answers: their hash, what differs where");
}

struct Types {
  Dtype compute = Dtype::kFloat32, wire = Dtype::kFloat32;
};

std::vector<Types> TypesOf(const FidelityOptions& options) {
  std::vector<Types> all;
  for (const std::string& compute : options.compute) {
    for (const std::string& wire : options.wires) {
      all.push_back({ParseDtype(compute, "--compute"), ParseDtype(wire, "--wires", kWireDtypes)});
    }
  }
  return all;
}

class Runs {
 public:
  explicit Runs(const FidelityOptions& options)
      : options_(options),
        config_(ReadModelConfig(options.model.folder)),
        prompts_(LoadPrompts(options.prompts, PromptLimitsOf(config_, options.output_tokens))) {
    const auto all = static_cast<int>(prompts_.prompts.size());
    const int count = std::min(options.rows.value_or(all), all);
    for (int i = 0; i < count; ++i) rows_.push_back(static_cast<int>(int64_t{i} * all / count));
  }

  const std::vector<int>& rows() const { return rows_; }
  void ExpectRuns(size_t runs) { expected_ = runs * rows_.size(); }

  std::vector<Generation> Whole(const Types& types) {
    WholeModel model(options_.model.folder, PlanOf(types));
    std::vector<Generation> answers;
    for (const int row : rows_) {
      answers.push_back(model.Generate(RequestOf(row), {}));
      Tell(1);
    }
    return answers;
  }

  std::vector<Generation> Split(const Types& types) {
    SplitOptions split;
    split.plan = PlanOf(types);
    split.system = FindSystem(options_.system);
    if (split.system.drafts_chains()) split.system.drafter = options_.model.drafter;
    split.system.options.draft_threshold = options_.draft_threshold;
    split.adapter = options_.model.adapter;
    split.medusa = options_.model.medusa;
    split.devices = options_.together;
    SplitModel model(options_.model.folder, split);
    std::vector<Generation> answers;
    for (size_t first = 0; first < rows_.size(); first += static_cast<size_t>(options_.together)) {
      std::vector<GenerationRequest> requests;
      const size_t end = std::min(rows_.size(), first + static_cast<size_t>(options_.together));
      for (size_t i = first; i < end; ++i) requests.push_back(RequestOf(rows_[i]));
      std::ranges::move(model.Generate(requests), std::back_inserter(answers));
      Tell(requests.size());
    }
    return answers;
  }

 private:
  SplitPlan PlanOf(const Types& types) const {
    return {options_.model.split, {types.compute, "cpu"}, types.wire};
  }
  GenerationRequest RequestOf(int row) const {
    return {prompts_.prompts[static_cast<size_t>(row)].ids, options_.output_tokens};
  }
  void Tell(size_t more) {
    if (IsInterrupted()) throw RunError("interrupted");
    done_ += more;
    line_.Update({double(done_), double(expected_)},
                 [&] { return fmt::format("{} of {} answers", done_, expected_); });
  }

  const FidelityOptions& options_;
  ModelConfig config_;
  PromptFile prompts_;
  std::vector<int> rows_;
  size_t done_ = 0, expected_ = 0;
  ProgressLine line_{std::chrono::seconds(60)};
};

// The place, from 1, of the first token that differs; 0: all are equal.
int FirstDifference(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  const auto [at_a, at_b] = std::ranges::mismatch(a, b);
  if (at_a == a.end() && at_b == b.end()) return 0;
  return static_cast<int>(at_a - a.begin()) + 1;
}

std::string DigestOf(const std::vector<int32_t>& ids) {
  return Sha256Hex({reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(int32_t)})
      .substr(0, 16);
}

// How two sets of answers compare.
struct Comparison {
  Comparison(const std::vector<Generation>& answers, const std::vector<Generation>& others) {
    for (size_t i = 0; i < answers.size(); ++i) {
      places.push_back(FirstDifference(answers[i].output_ids, others[i].output_ids));
    }
  }
  std::string Words() const {
    std::vector<int> differing;
    std::ranges::copy_if(places, std::back_inserter(differing),
                         [](int place) { return place > 0; });
    const auto all = places.size();
    std::string text = fmt::format("{} of {}", all - differing.size(), all);
    if (differing.empty()) return text;
    std::ranges::sort(differing);
    return text + fmt::format(", first at {} (median)", differing[differing.size() / 2]);
  }

  std::vector<int> places;  // FirstDifference of each
};

int Measure(const FidelityOptions& options) {
  const std::vector<Types> all = TypesOf(options);
  Runs runs(options);
  runs.ExpectRuns(2 * all.size() + 1);
  const std::vector<Generation> exact = runs.Whole({});
  std::string csv =
      "compute,wire,prompt_row,tokens,split_sha256,whole_sha256,differs_at,differs_from_fp32_at\n";
  PrintResult(
      "| compute | wire | split = whole, same types | split = whole, fp32 | near-ties a 1,000 "
      "tokens |\n"
      "|---|---|--:|--:|--:|\n");
  for (const Types& types : all) {
    const std::vector<Generation> whole = runs.Whole(types);
    const std::vector<Generation> split = runs.Split(types);
    const Comparison same(split, whole), to_exact(split, exact);
    size_t tokens = 0, ties = 0;
    for (size_t i = 0; i < split.size(); ++i) {
      tokens += split[i].output_ids.size();
      ties += split[i].near_ties.size();
      csv += fmt::format("{},{},{},{},{},{},{},{}\n", Name(types.compute), Name(types.wire),
                         runs.rows()[i], split[i].output_ids.size(), DigestOf(split[i].output_ids),
                         DigestOf(whole[i].output_ids), same.places[i], to_exact.places[i]);
    }
    PrintResult(fmt::format("| {} | {} | {} | {} | {:.1f} |\n", Name(types.compute),
                            Name(types.wire), same.Words(), to_exact.Words(),
                            1000.0 * double(ties) / double(tokens)));
  }
  if (options.out.empty()) return 0;
  WriteFileAtomically(options.out, csv);
  SayWritten(options.out);
  return 0;
}

}  // namespace

int TraceFidelityVerb(CommandLine& line) {
  FidelityOptions options;
  AddOptions(line, options);
  const TraceModelOptions model(line);
  line.Parse();
  options.model = model.Read();
  SetThreads(model.threads());
  CatchInterrupts();
  return Measure(options);
}

}  // namespace hat
