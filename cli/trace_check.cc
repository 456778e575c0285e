// hat trace check: does the simulator make of a draft trace what the model itself does?
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "cli/progress_line.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "cli/trace_compare.h"
#include "cli/trace_model.h"
#include "core/error.h"
#include "core/files.h"
#include "core/scratch_folder.h"
#include "runtime/session/split_model.h"

namespace hat {
namespace {

constexpr int kTogether = 4;  // live requests at once, a device each
// Drafting ahead costs the most time and decides about waste alone: a little of it will do.
constexpr int kAheadBranches = 2;
constexpr double kDelayMs = 2;

struct TraceCheckOptions {
  DraftedModel model;
  std::string prompts, trace;
  std::vector<double> thresholds = {0.4, 0.6, 0.8};
  std::optional<int> rows;
  int jobs = 1;
  int threads = 1;
};

void AddOptions(CommandLine& line, TraceCheckOptions& options) {
  line.description(
      "Runs a model on the prompts of its draft trace, split, drafting and drafting ahead, in this "
      "process, and the simulator on the trace; compares rounds, drafted and accepted tokens "
      "request by request. They may differ only where the live run met a near-tie, and in at most "
      "1% of the requests.");
  line.footer(
      "Example:\n"
      "  hat trace check --model model --prompts model/prompts.csv --trace model/drafts.trace");
  line.add_option("--prompts", options.prompts, "the prompts that the trace was recorded on")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--trace", options.trace, "the draft trace")->required()->transform(ShippedPath);
  line.add_option("--thresholds", options.thresholds, "of drafting, a run each")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  line.add_option("--rows", options.rows, "prompts to run live, evenly spread (default: all)")
      ->check(CLI::PositiveNumber);
  line.add_option("--jobs", options.jobs, "groups of live requests side by side")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
}

// What runs the model and what is compared.
struct Inputs {
  explicit Inputs(const TraceCheckOptions& options)
      : config(ReadModelConfig(options.model.folder)), trace(DraftTrace::Load(options.trace)) {
    const int output_tokens = trace.info().output_tokens;
    prompts = LoadPrompts(options.prompts, PromptLimitsOf(config, output_tokens));
    if (trace.info().prompts_sha256 != prompts.sha256 || trace.rows() != rows()) {
      throw InputError(
          fmt::format("{}: recorded on other prompts than {}", options.trace, options.prompts));
    }
    if (trace.info().model_sha256 != WeightsSha256(options.model)) {
      throw InputError(fmt::format(
          "{}: recorded with other weights, drafters or another split than given here ({})",
          options.trace, options.model.folder));
    }
    const int count = std::min(options.rows.value_or(rows()), rows());
    for (int i = 0; i < count; ++i) {
      live_rows.push_back(static_cast<int>(int64_t{i} * rows() / count));
    }
  }
  int rows() const { return static_cast<int>(prompts.prompts.size()); }

  ModelConfig config;
  DraftTrace trace;
  PromptFile prompts;
  std::vector<int> live_rows;
};

// A system with the policy that the trace replays under.
struct Trial {
  std::string name;
  SystemSpec system;

  Overrides Settings() const {
    const PolicyOptions& policy = system.options;
    if (system.drafts_trees) {
      return {"system.name=" + system.name, "policy.tree=" + policy.tree};
    }
    return {"system.name=" + system.name, "system.drafter=" + system.drafter,
            fmt::format("policy.draft_threshold={}", policy.draft_threshold),
            fmt::format("policy.max_draft={}", policy.max_draft),
            fmt::format("policy.ahead_branches={}", policy.ahead_branches)};
  }
  std::vector<TraceRound> Rounds(const DraftTrace& trace, int row) const {
    const PolicyOptions& policy = system.options;
    return system.drafts_trees ? TreeRounds(trace, row, FindTree(policy.tree))
                               : DraftRounds(trace, row, policy.draft_threshold, policy.max_draft);
  }
};

std::vector<Trial> TrialsOf(const TraceCheckOptions& options, const DraftTraceInfo& info) {
  std::vector<Trial> trials;
  for (const double threshold : options.thresholds) {
    if (info.max_steps < 2) break;
    Trial trial{fmt::format("hat, threshold {}", threshold), FindSystem("hat")};
    trial.system.options.draft_threshold = threshold;
    trial.system.options.max_draft = info.max_steps - 1;
    trial.system.drafter = info.drafter;
    trial.system.options.ahead_branches = kAheadBranches;
    trials.push_back(trial);
  }
  const Trial medusa{"u-medusa", FindSystem("u-medusa")};
  if (FindTree(medusa.system.options.tree).max_depth() <= info.medusa_heads) {
    trials.push_back(medusa);
  }
  return trials;
}

// The live runs of one trial, by place in Inputs::live_rows, on `jobs` threads.
class LiveRuns {
 public:
  LiveRuns(const TraceCheckOptions& options, const Inputs& inputs, const Trial& trial,
           const std::function<void(int)>& on_done)
      : options_(options), inputs_(inputs), trial_(trial), on_done_(on_done) {}

  std::vector<Generation> Run() {
    generations_.resize(inputs_.live_rows.size());
    std::vector<std::thread> workers;
    for (int i = 1; i < options_.jobs; ++i) workers.emplace_back([this] { Work(); });
    Work();
    for (std::thread& worker : workers) worker.join();
    if (failure_) std::rethrow_exception(failure_);
    if (IsInterrupted()) throw RunError("interrupted");
    return std::move(generations_);
  }

 private:
  void Work() {
    try {
      SetThreads(options_.threads);
      const DraftedModel& files = options_.model;
      SplitOptions split;
      split.plan.split = files.split;
      split.system = trial_.system;
      split.adapter = files.adapter;
      split.medusa = files.medusa;
      split.devices = kTogether;
      split.delay_ms = kDelayMs;
      split.ends_at_end_of_text = false;
      SplitModel model(files.folder, split);
      for (size_t first = Next(); first < generations_.size(); first = Next()) {
        Generate(model, first, std::min(first + kTogether, generations_.size()));
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  size_t Next() {
    const bool must_stop = IsInterrupted() || has_failed();
    return must_stop ? generations_.size() : next_.fetch_add(kTogether);
  }
  bool has_failed() {
    const std::lock_guard lock(mutex_);
    return failure_ != nullptr;
  }

  void Generate(SplitModel& model, size_t first, size_t end) {
    std::vector<GenerationRequest> requests;
    for (size_t i = first; i < end; ++i) {
      const auto row = static_cast<size_t>(inputs_.live_rows[i]);
      requests.push_back({inputs_.prompts.prompts[row].ids, inputs_.trace.info().output_tokens});
    }
    std::vector<Generation> done = model.Generate(requests);
    const std::lock_guard lock(mutex_);
    std::ranges::move(done, generations_.begin() + static_cast<ptrdiff_t>(first));
    on_done_(static_cast<int>(requests.size()));
  }

  const TraceCheckOptions& options_;
  const Inputs& inputs_;
  const Trial& trial_;
  const std::function<void(int)>& on_done_;
  std::vector<Generation> generations_;
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  std::exception_ptr failure_;
};

struct Verdict {
  int requests = 0, near_ties = 0, explained = 0, failures = 0;
  int kept = 0, discarded = 0;                       // live rounds whose ahead branch was
  int64_t simulated_kept = 0, simulated_wasted = 0;  // ahead steps
  RoundTotals live;
  std::string differences;  // a line each

  bool is_good() const { return failures == 0 && 100 * explained <= requests; }
};

void Count(const Generation& live, Verdict& verdict) {
  ++verdict.requests;
  verdict.near_ties += static_cast<int>(live.near_ties.size());
  for (const RoundEvent& round : live.rounds) {
    ++verdict.live.rounds;
    verdict.live.drafted += round.drafted;
    verdict.live.accepted += round.accepted;
    verdict.kept += round.wasted_steps < round.ahead_steps;
    verdict.discarded += round.ahead_steps > 0 && round.wasted_steps == round.ahead_steps;
  }
}

void Note(const TraceDifference& difference, const Trial& trial, Verdict& verdict) {
  ++(difference.near_tie ? verdict.explained : verdict.failures);
  verdict.differences +=
      fmt::format("  {}, prompt row {}, {}; ", trial.name, difference.row, difference.text);
  if (difference.near_tie) {
    const NearTie& tie = *difference.near_tie;
    verdict.differences += fmt::format("near-tie: {} at output token {}, gap {:.1e}\n",
                                       Name(tie.decision), tie.output_index + 1, tie.gap);
  } else {
    verdict.differences += "no near-tie explains it: FAILURE\n";
  }
}

Verdict Judge(const Inputs& inputs, const Trial& trial, const std::vector<Generation>& live,
              const std::vector<ReplayedRequest>& simulated) {
  Verdict verdict;
  for (size_t i = 0; i < live.size(); ++i) {
    const int row = inputs.live_rows[i];
    const ReplayedRequest& replayed = simulated[static_cast<size_t>(row)];
    Count(live[i], verdict);
    verdict.simulated_kept += replayed.ahead_steps - replayed.wasted_steps;
    verdict.simulated_wasted += replayed.wasted_steps;
    const auto difference = CompareRounds(row, live[i], trial.Rounds(inputs.trace, row), replayed);
    if (difference) Note(*difference, trial, verdict);
  }
  return verdict;
}

std::string Line(const Trial& trial, const Verdict& verdict) {
  std::string text = fmt::format(
      "{}: {} requests, {} rounds, {} drafted, {} accepted, accept length {:.3f}; {} near-ties; "
      "{} differ, {} of them at a near-tie: {}\n",
      trial.name, verdict.requests, verdict.live.rounds, verdict.live.drafted,
      verdict.live.accepted, verdict.live.AcceptLength(), verdict.near_ties,
      verdict.explained + verdict.failures, verdict.explained,
      verdict.is_good() ? "good" : "NOT GOOD");
  if (trial.system.draft_ahead) {
    text += fmt::format(
        "  drafted ahead: live {} branches kept, {} discarded; simulated {} steps kept, {} "
        "wasted\n",
        verdict.kept, verdict.discarded, verdict.simulated_kept, verdict.simulated_wasted);
  }
  return text + verdict.differences;
}

std::vector<std::vector<ReplayedRequest>> Simulate(const TraceReplay& replay,
                                                   const std::vector<Trial>& trials) {
  std::vector<Overrides> replays;
  for (const Trial& trial : trials) replays.push_back(trial.Settings());
  const ScratchFolder folder("hat-trace-check");
  return ReplayTrace(replay, folder / ".", replays);
}

int Check(const TraceCheckOptions& options) {
  const Inputs inputs(options);
  const std::vector<Trial> trials = TrialsOf(options, inputs.trace.info());
  if (trials.empty()) {
    throw InputError(fmt::format("{}: holds too few steps and heads to replay", options.trace));
  }
  TraceReplay replay{
      options.model.folder + "/config.json", options.prompts, options.trace, options.model.split,
      inputs.trace.info().output_tokens,     inputs.rows()};
  const std::vector<std::vector<ReplayedRequest>> simulated = Simulate(replay, trials);
  ProgressLine progress(std::chrono::seconds(60));
  const size_t all = trials.size() * inputs.live_rows.size();
  int done = 0;
  bool is_good = true;
  for (size_t t = 0; t < trials.size(); ++t) {
    const Trial& trial = trials[t];
    const auto on_done = [&](int more) {
      done += more;
      progress.Update({double(done), double(all)},
                      [&] { return fmt::format("hat trace check: {} of {} requests", done, all); });
    };
    const std::vector<Generation> live = LiveRuns(options, inputs, trial, on_done).Run();
    const Verdict verdict = Judge(inputs, trial, live, simulated[t]);
    is_good = is_good && verdict.is_good();
    progress.Clear();
    PrintResult(Line(trial, verdict));
  }
  if (!is_good) {
    throw RunError(
        "the replay is not the live run: see the differences; they may lie at near-ties only, in "
        "at most 1% of the requests");
  }
  return 0;
}

}  // namespace

int TraceCheckVerb(CommandLine& line) {
  TraceCheckOptions options;
  AddOptions(line, options);
  const TraceModelOptions model(line);
  line.Parse();
  options.model = model.Read();
  options.threads = model.threads();
  CatchInterrupts();
  return Check(options);
}

}  // namespace hat
