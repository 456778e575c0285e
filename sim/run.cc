#include "sim/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "experiments/laws/laws.h"
#include "experiments/results/run_setup.h"
#include "experiments/results/vllm_json.h"
#include "experiments/watch/explain.h"
#include "experiments/watch/timeline.h"

namespace hat {
namespace {

// The observers that the options ask for, beside the recorder.
class Observers {
 public:
  Observers(const Scenario& scenario, const RunOptions& options, Recorder& recorder) {
    list_.Add(&recorder);
    if (options.checks_laws) list_.Add(&laws_.emplace(LawOptionsOf(scenario)));
    if (options.explained) list_.Add(&explain_.emplace(*options.explained));
    if (!options.timeline.empty()) list_.Add(&timeline_.emplace(options.timeline));
    for (Observer* observer : options.observers) list_.Add(observer);
  }

  Observer& all() { return list_; }

  // After the last event. Throws RunError.
  void Finish(RunResult& result) {
    const bool is_partial = result.info.is_partial;
    if (explain_ && (explain_->has_arrived() || !is_partial)) result.explanation = explain_->Text();
    if (timeline_) timeline_->Finish();
    if (!laws_) return;
    laws_->Finish(is_partial);
    laws_->Require();
    result.lawful_events = laws_->events();
  }

 private:
  ObserverList list_;
  std::optional<Laws> laws_;
  std::optional<Explain> explain_;
  std::optional<Timeline> timeline_;
};

// A run that measured nobody has no figures: better said than shown as dashes.
void RequireMeasured(const Recorder& recorder, const Scenario& scenario) {
  const WorkloadConfig& workload = scenario.workload;
  const auto arrived = std::ranges::count_if(recorder.rows(), [](const RequestRow& row) {
    return row.state != RequestRow::State::kUnseen;
  });
  const double duration_s = workload.duration.value();  // 0: none, as a replay may have
  const std::string within =
      duration_s > 0 ? fmt::format(" within workload.duration_s = {:g}", duration_s) : "";
  if (arrived == 0) {
    throw InputError(
        fmt::format("{}: no request arrived{}; make it longer, or raise "
                    "workload.rate_per_s",
                    scenario.path, within));
  }
  if (arrived > workload.warmup_requests) return;
  throw InputError(
      fmt::format("{}: {} requests arrived{}, all of them in the warm-up, so nothing was measured; "
                  "lower workload.warmup_requests = {}",
                  scenario.path, arrived, within, workload.warmup_requests));
}

void Play(Simulation& simulation, const RunOptions& options, RunResult& result) {
  RecorderOptions recorder_options = RecorderOptionsOf(simulation.scenario(), simulation.fleet());
  recorder_options.keep_gaps = options.keeps_gaps;
  result.recorder = std::make_unique<Recorder>(std::move(recorder_options));
  Observers observers(simulation.scenario(), options, *result.recorder);
  result.info.is_partial = !simulation.Run(observers.all(), options.on_progress);
  const bool shows_single_requests =
      options.explained || !options.timeline.empty() || !options.observers.empty();
  if (!result.info.is_partial && !shows_single_requests) {
    RequireMeasured(*result.recorder, simulation.scenario());
  }
  result.summary_json = SummaryJson(*result.recorder, result.info);
  if (options.makes_vllm) result.vllm_json = VllmJson(*result.recorder, result.info);
  observers.Finish(result);
}

}  // namespace

RunResult Run(Scenario scenario, const RunOptions& options) {
  std::optional<ResultFolder> folder;
  if (!options.out.empty()) folder.emplace(options.out, options.replaces);
  Simulation simulation(std::move(scenario), options.engine, options.profiles);
  RunResult result;
  result.info =
      RunInfoOf(simulation.scenario(), simulation.profiles(), Description(simulation.engine()));
  result.not_possible = simulation.not_possible();
  if (result.not_possible) {
    result.summary_json = NotPossibleJson(result.info, *result.not_possible);
    if (folder) WriteNotPossible(*folder, result.info, *result.not_possible);
  } else {
    Play(simulation, options, result);
    if (folder) WriteResults(*folder, *result.recorder, result.info);
    if (folder && result.vllm_json) folder->Write("vllm.json", *result.vllm_json);
  }
  if (folder) folder->Commit();
  return result;
}

}  // namespace hat
