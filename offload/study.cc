#include "offload/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

constexpr const char* kOurs = "dto-ee";
constexpr int kActorRounds = 1000;
constexpr double kNextToNothing = 1e-6;  // of its capacity: a node that fails

OffloadNetwork NetworkOf(const OffloadSpec& spec, const ExitTable& table, double load,
                         uint64_t seed) {
  return DrawNetwork(spec.network,
                     SharesAt(table, SameThresholds(table, spec.decide.fixed_threshold)).going_on,
                     load, RngStream(seed, "offload network"));
}

// The network's capacities in the n-th stretch between changes; a node that fails has next to none.
class ChangingNetwork {
 public:
  ChangingNetwork(const OffloadNetwork& network, const Changes& changes, uint64_t seed)
      : network_(network), changes_(changes), stream_(seed, "offload changes") {}

  OffloadNetwork At(int stretch) const {
    OffloadNetwork changed = network_;
    if (changes_.every_s == 0) return changed;
    for (size_t stage = 1; stage < changed.stages.size(); ++stage) {
      for (size_t i = 0; i < changed.stages[stage].size(); ++i) {
        RngStream draws = stream_.At(static_cast<uint64_t>(stretch), stage, i);
        const double factor = draws.Uniform(1 - changes_.spread, 1 + changes_.spread);
        const bool fails = draws.Uniform() < changes_.fail_share;
        changed.stages[stage][i].capacity *= fails ? kNextToNothing : factor;
      }
    }
    return changed;
  }

 private:
  const OffloadNetwork& network_;
  const Changes& changes_;
  RngStream stream_;
};

// Nodes with next to nothing serve nothing.
void SetCapacities(const OffloadNetwork& network, const OffloadNetwork& whole, Player& player) {
  for (size_t stage = 1; stage < network.stages.size(); ++stage) {
    for (size_t i = 0; i < network.stages[stage].size(); ++i) {
      const double capacity = network.stages[stage][i].capacity;
      const bool fails = capacity <= kNextToNothing * whole.stages[stage][i].capacity;
      player.SetCapacity(static_cast<int>(stage), static_cast<int>(i), fails ? 0 : capacity);
    }
  }
}

OffloadRun Play(const OffloadSpec& spec, const ExitTable& table, double load,
                const std::string& decider, uint64_t seed) {
  const OffloadNetwork network = NetworkOf(spec, table, load, seed);
  const ChangingNetwork changing(network, spec.changes, seed);
  DecideOptions options = spec.decide;
  options.seed = seed;
  OffloadRun run{.load = load, .decider = decider, .seed = seed, .played = {}, .thresholds = {}};
  Player player(network, table, seed);
  const double stretch_s = spec.changes.every_s > 0 ? spec.changes.every_s : spec.seconds;
  Decisions decisions;
  for (int stretch = 0; stretch * stretch_s < spec.seconds; ++stretch) {
    const OffloadNetwork now = changing.At(stretch);
    const bool goes_on = stretch > 0 && decider == kOurs;
    decisions =
        goes_on ? DecideFrom(decisions, now, table, options) : Decide(decider, now, table, options);
    if (stretch == 0) {
      const GoingOn going_on = SharesAt(table, decisions.thresholds).going_on;
      run.expected_s = Expect(now, decisions.plan, going_on, options.offloading.objective).delay_s;
      run.load_factor = LoadFactor(now, going_on);
      run.thresholds = decisions.thresholds;
    }
    SetCapacities(now, network, player);
    player.Run(std::min(spec.seconds, (stretch + 1) * stretch_s), decisions);
  }
  SetCapacities(network, network, player);  // whoever failed last is back: all tasks can end
  player.Finish(decisions);
  run.played = player.Result(spec.warm_up_s, spec.seconds);
  return run;
}

OffloadCell CellOf(const std::vector<OffloadRun>& runs, const std::vector<double>& ours) {
  std::vector<double> delays, p90s, accuracies, errors, saved;
  OffloadCell cell;
  cell.load = runs.front().load;
  cell.decider = runs.front().decider;
  for (const OffloadRun& run : runs) {
    delays.push_back(1e3 * run.played.delay_mean_s);
    p90s.push_back(1e3 * run.played.delay_p90_s);
    accuracies.push_back(run.played.accuracy);
    errors.push_back(run.expected_s / run.played.delay_mean_s - 1);
    if (!ours.empty()) saved.push_back(1 - ours[saved.size()] / delays.back());
    cell.load_factor = std::max(cell.load_factor, run.load_factor);
  }
  cell.delay_ms = MeanWithInterval(delays);
  cell.p90_ms = MeanWithInterval(p90s);
  cell.accuracy = MeanWithInterval(accuracies);
  cell.formula_error = MeanWithInterval(errors);
  if (!saved.empty() && cell.decider != kOurs) cell.saved = MeanWithInterval(saved);
  return cell;
}

std::vector<OffloadCell> CellsOf(const std::vector<OffloadRun>& runs) {
  std::map<double, std::vector<double>> ours;  // delays by load, seed by seed
  for (const OffloadRun& run : runs) {
    if (run.decider == kOurs) ours[run.load].push_back(1e3 * run.played.delay_mean_s);
  }
  std::vector<OffloadCell> cells;
  for (size_t first = 0, end = 0; first < runs.size(); first = end) {
    while (end < runs.size() && runs[end].load == runs[first].load &&
           runs[end].decider == runs[first].decider)
      ++end;
    const auto at = [&](size_t i) { return runs.begin() + static_cast<ptrdiff_t>(i); };
    cells.push_back(CellOf({at(first), at(end)}, ours[runs[first].load]));
  }
  return cells;
}

ActorRun Converse(const OffloadSpec& spec, const ExitTable& table) {
  const OffloadNetwork network = NetworkOf(spec, table, spec.loads.back(), spec.seed);
  ActorOptions options;
  options.offloading = spec.decide.offloading;
  options.offloading.rounds = kActorRounds;
  options.offloading.step = std::min(options.offloading.step, 0.5);
  options.seed = spec.seed;
  return RunActors(network, EvenPlan(network),
                   SharesAt(table, SameThresholds(table, spec.decide.fixed_threshold)).going_on,
                   options);
}

}  // namespace

std::optional<OffloadStudy> StudyOffloading(const OffloadSpec& spec, const ExitTable& table,
                                            const StudyWatch& watch) {
  if (std::cmp_not_equal(table.exits(), spec.network.stages.size())) {
    throw InputError(fmt::format("{}: has {} exits, {} {} stages: an exit after each is needed",
                                 spec.table_path, table.exits(), spec.path,
                                 spec.network.stages.size()));
  }
  OffloadStudy study;
  const double all = static_cast<double>(spec.loads.size() * spec.deciders.size()) * spec.seeds;
  for (const double load : spec.loads) {
    for (const std::string& decider : spec.deciders) {
      for (int i = 0; i < spec.seeds; ++i) {
        study.runs.push_back(
            Play(spec, table, load, decider, spec.seed + static_cast<uint64_t>(i)));
        if (watch && !watch({static_cast<double>(study.runs.size()), all})) return std::nullopt;
      }
    }
  }
  study.cells = CellsOf(study.runs);
  study.actors = Converse(spec, table);
  return study;
}

}  // namespace hat
