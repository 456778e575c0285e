#include "runtime/train/evaluate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/error.h"
#include "experiments/traces/draft_trace_summary.h"
#include "runtime/session/whole_model.h"
#include "runtime/trace/draft_recorder.h"
#include "runtime/train/fused.h"
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
  at::NoGradGuard no_gradient;
  double sum = 0;
  const int64_t length = windows.size(1) - 1, counted = length - first;
  for (int64_t row = 0; row < windows.size(0); ++row) {
    const at::Tensor window = windows.narrow(0, row, 1);
    const at::Tensor states = model.Layers(model.Embed(window.narrow(1, 0, length)), 0,
                                           model.config().shape.layer_count());
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

// What the drafters say along the model's own output after a genre's prompts.
DraftTrace Record(const DraftRecorder& recorder, const std::vector<std::vector<int32_t>>& prompts,
                  bool has_adapter, const EvalOptions& options) {
  const std::string no_hash(64, '0');
  DraftTraceInfo info{"", no_hash, no_hash, options.output_tokens, 0, recorder.heads()};
  if (has_adapter) info.max_steps = options.max_draft + 1;
  DraftTrace trace(info, std::vector<int>(prompts.size(), options.prompt_tokens));
  recorder.Record(prompts, 0, trace);
  return trace;
}

// The same figures of one genre's traces or of all.
void MeasureDrafts(std::span<const DraftTrace> traces, const std::string& genre,
                   const EvalOptions& options, Report& report) {
  const DraftTraceInfo& info = traces.front().info();
  if (info.max_steps > 0) {
    for (const RightShare& bin : Reliability(traces, kBins)) {
      if (bin.count > 0) report.Add("confidence", genre, bin.confidence, bin.right, bin.count);
    }
    double step = 0;
    for (const RightShare& right : RightAtSteps(traces)) {
      if (++step <= options.max_draft && right.count > 0) {
        report.Add("right at step", genre, step, right.right, right.count);
      }
    }
    for (const double threshold : kThresholds) {
      RoundTotals totals;
      for (const DraftTrace& trace : traces) {
        totals.Add(DraftTotals(trace, threshold, options.max_draft));
      }
      report.Add("accept length", genre, threshold, totals.AcceptLength(), totals.rounds);
      report.Add("accepted of drafted", genre, threshold, totals.AcceptedShare(), totals.drafted);
    }
  }
  if (info.medusa_heads == 0) return;
  RoundTotals totals;
  for (const DraftTrace& trace : traces) {
    totals.Add(TreeTotals(trace, FindTree(PolicyOptions().tree)));
  }
  report.Add("medusa accept length", genre, info.medusa_heads, totals.AcceptLength(),
             totals.rounds);
}

void RequireLonger(const TokenText& held_out, int tokens, const char* than) {
  const auto is_longer = [&](const Genre& genre) {
    return std::cmp_greater(genre.tokens.size(), tokens);
  };
  if (std::any_of(held_out.genres.begin(), held_out.genres.end(), is_longer)) return;
  throw InputError("no genre of the held-out text has more than " + std::to_string(tokens) +
                   " tokens, " + than);
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
  CheckSplit({options.split, options.compute, Dtype::kFloat32}, config);
  std::optional<AdapterFile> adapter;
  if (!options.adapter.empty()) adapter = LoadAdapter(options.adapter, model, options.split);
  std::optional<MedusaFile> medusa;
  if (!options.medusa.empty()) medusa = LoadMedusa(options.medusa, model);
  const Tokenizer tokenizer(options.tokenizer, config.shape.vocabulary);
  const int begin_token = tokenizer.BeginToken(config.bos_token);
  const TokenText held_out =
      ReadTokenText(options.held_out, tokenizer, begin_token, options.finds_controls);
  RequireLonger(held_out, options.length, "a window's length");
  if (adapter || medusa) RequireLonger(held_out, options.prompt_tokens, "a prompt's length");

  Report report;
  {
    std::vector<int32_t> tokens;
    for (const Genre& genre :
         ReadTokenText(options.text, tokenizer, begin_token, options.finds_controls).genres) {
      tokens.insert(tokens.end(), genre.tokens.begin(), genre.tokens.end());
    }
    const NgramModel ngram(tokens, options.ngram_order, config.shape.vocabulary);
    const SequenceModel whole(model, options.compute);
    for (const Genre& genre : held_out.genres) {
      MeasurePerplexity(whole, ngram, genre, options, report);
    }
  }
  if (!adapter && !medusa) return report.Take();
  const DraftRecorder recorder(model, adapter ? &*adapter : nullptr, medusa ? &*medusa : nullptr,
                               options.split, options.compute);
  std::vector<DraftTrace> traces;
  for (const Genre& genre : held_out.genres) {
    const auto prompts = Prompts(genre, options);
    if (prompts.empty()) continue;
    traces.push_back(Record(recorder, prompts, adapter.has_value(), options));
    MeasureDrafts({&traces.back(), 1}, genre.name, options, report);
  }
  if (traces.size() > 1) MeasureDrafts(traces, "all", options, report);
  return report.Take();
}

}  // namespace hat
