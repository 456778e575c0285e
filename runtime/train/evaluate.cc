#include "runtime/train/evaluate.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "core/error.h"
#include "runtime/train/fused.h"
#include "runtime/train/greedy_run.h"
#include "runtime/train/ngram.h"
#include "runtime/train/sequence_model.h"
#include "runtime/train/token_text.h"
#include "runtime/train/training_state.h"

namespace hat {
namespace {

constexpr int kBins = 10;
constexpr double kThresholds[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};

class Report {
 public:
  void Add(const std::string& measure, const std::string& genre, double x, double value,
           int64_t count) {
    report_.csv += measure + "," + genre + "," + NumberText(x) + "," + NumberText(value) + "," +
                   std::to_string(count) + "\n";
    char line[160];
    std::snprintf(line, sizeof line, "%-30s %-14s %8.3g %10.3f %9lld\n", measure.c_str(),
                  genre.c_str(), x, value, static_cast<long long>(count));
    report_.table += line;
  }
  EvalReport Take() { return std::move(report_); }

 private:
  EvalReport report_{
      "measure                        genre                 x      value     count\n",
      "measure,genre,x,value,count\n"};
};

// Perplexity of the targets at positions first.. of each window.
double Perplexity(const SequenceModel& model, const at::Tensor& windows, int64_t first) {
  torch::NoGradGuard no_gradient;
  double sum = 0;
  const int64_t length = windows.size(1) - 1, counted = length - first;
  for (int64_t row = 0; row < windows.size(0); ++row) {
    const at::Tensor window = windows.narrow(0, row, 1);
    const at::Tensor states =
        model.Layers(model.Embed(window.narrow(1, 0, length)), 0, model.config().shape.layers);
    const at::Tensor targets = window.narrow(1, first + 1, counted).reshape({-1});
    sum += LinearCrossEntropy(model.Normed(states.narrow(1, first, counted)), model.output(),
                              targets.to(model.output().device()))
               .item<double>();
  }
  return std::exp(sum / static_cast<double>(windows.size(0)));
}

double Perplexity(const NgramModel& model, const at::Tensor& windows) {
  double sum = 0;
  const at::Tensor ids = windows.to(at::kInt).contiguous();
  const auto length = static_cast<size_t>(windows.size(1));
  for (int64_t row = 0; row < windows.size(0); ++row) {
    sum += std::log(model.Perplexity({ids[row].data_ptr<int32_t>(), length}));
  }
  return std::exp(sum / static_cast<double>(windows.size(0)));
}

void MeasurePerplexity(const SequenceModel& model, const NgramModel& ngram, const Genre& genre,
                       const EvalOptions& options, Report& report) {
  const at::Tensor windows = SpreadWindows(genre, options.windows, options.length);
  if (windows.size(0) > 0) {
    const int64_t tokens = windows.size(0) * options.length;
    report.Add("perplexity", genre.name, options.length, Perplexity(model, windows, 0), tokens);
    report.Add("n-gram perplexity", genre.name, ngram.order(), Perplexity(ngram, windows), tokens);
  }
  const int64_t half = options.long_length / 2;
  const at::Tensor longer =
      SpreadWindows(genre, std::max(1, options.windows / 4), options.long_length);
  if (longer.size(0) > 0) {
    report.Add("perplexity at positions from", genre.name, static_cast<double>(half),
               Perplexity(model, longer, half), longer.size(0) * (options.long_length - half));
  }
}

std::vector<std::vector<int32_t>> Prompts(const Genre& genre, const EvalOptions& options) {
  const at::Tensor windows =
      SpreadWindows(genre, options.prompts, options.prompt_tokens - 1).to(at::kInt);
  std::vector<std::vector<int32_t>> prompts;
  for (int64_t row = 0; row < windows.size(0); ++row) {
    const int32_t* ids = windows[row].data_ptr<int32_t>();
    prompts.emplace_back(ids, ids + options.prompt_tokens);
  }
  return prompts;
}

// How often the j-th guess of a draft is right where all before it were, whatever the confidence.
void MeasureSteps(const std::vector<GreedyOutput>& outputs, const std::string& genre, int most,
                  Report& report) {
  std::vector<int64_t> tried(static_cast<size_t>(most)), right(static_cast<size_t>(most));
  for (const GreedyOutput& output : outputs) {
    for (size_t start = 0; start < output.guesses.size(); ++start) {
      for (size_t j = 0; j < tried.size() && start + j < output.guesses.size(); ++j) {
        ++tried[j];
        if (!output.guesses[start + j].is_right) break;
        ++right[j];
      }
    }
  }
  for (size_t j = 0; j < tried.size() && tried[j] > 0; ++j) {
    report.Add("right at step", genre, static_cast<double>(j + 1),
               static_cast<double>(right[j]) / static_cast<double>(tried[j]), tried[j]);
  }
}

void MeasureAdapter(const std::vector<GreedyOutput>& outputs, const std::string& genre,
                    int max_draft, Report& report) {
  std::vector<Guess> guesses;
  for (const GreedyOutput& output : outputs) {
    guesses.insert(guesses.end(), output.guesses.begin(), output.guesses.end());
  }
  for (const ReliabilityBin& bin : Reliability(guesses, kBins)) {
    if (bin.count > 0) report.Add("confidence", genre, bin.confidence, bin.right, bin.count);
  }
  MeasureSteps(outputs, genre, max_draft, report);
  for (const double threshold : kThresholds) {
    AcceptLength length;
    for (const GreedyOutput& output : outputs) {
      length.Add(PlayRounds(output.guesses, threshold, max_draft));
    }
    report.Add("accept length", genre, threshold, length.Mean(), length.rounds);
  }
}

}  // namespace

EvalReport Evaluate(const EvalOptions& options) {
  CheckCompute(options.compute);
  const Model model = OpenModel(options.model);
  const ModelConfig& config = model.config;
  if (std::max({options.length, options.long_length,
                options.prompt_tokens + options.output_tokens}) > config.max_positions) {
    throw InputError(
        "windows, and prompts with their output, must not be longer than the model's " +
        std::to_string(config.max_positions) + " positions");
  }
  std::optional<AdapterFile> adapter;
  if (!options.adapter.empty()) adapter = LoadAdapter(options.adapter, model, options.split);
  std::optional<MedusaFile> medusa;
  if (!options.medusa.empty()) medusa = LoadMedusa(options.medusa, model);
  const Tokenizer tokenizer(options.tokenizer, config.shape.vocabulary);
  const TokenText held_out = ReadTokenText(options.held_out, tokenizer, config.bos_token);

  Report report;
  {
    std::vector<int32_t> tokens;
    for (const Genre& genre : ReadTokenText(options.text, tokenizer, config.bos_token).genres) {
      tokens.insert(tokens.end(), genre.tokens.begin(), genre.tokens.end());
    }
    const NgramModel ngram(tokens, options.ngram_order, config.shape.vocabulary);
    const SequenceModel whole(model, options.compute);
    for (const Genre& genre : held_out.genres) {
      MeasurePerplexity(whole, ngram, genre, options, report);
    }
  }
  if (!adapter && !medusa) return report.Take();
  for (const Genre& genre : held_out.genres) {
    const auto prompts = Prompts(genre, options);
    if (prompts.empty()) continue;
    const auto outputs =
        RunGreedy(model, adapter ? &*adapter : nullptr, medusa ? &*medusa : nullptr, options.split,
                  prompts, options.output_tokens, options.compute);
    if (adapter) MeasureAdapter(outputs, genre.name, options.max_draft, report);
    if (!medusa) continue;
    AcceptLength length;
    for (const GreedyOutput& output : outputs) length.Add(PlayChain(output.hits));
    report.Add("medusa accept length", genre.name, static_cast<double>(medusa->heads.size()),
               length.Mean(), length.rounds);
  }
  return report.Take();
}

}  // namespace hat
