#include "offload/decide.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

// Shares in proportion to what a link is worth.
using Worth = std::function<double(const OffloadLink& link, const OffloadNode& to)>;
OffloadPlan Proportional(const OffloadNetwork& network, const Worth& worth) {
  OffloadPlan plan = EvenPlan(network);
  for (size_t stage = 0; stage + 1 < network.stages.size(); ++stage) {
    for (size_t i = 0; i < network.stages[stage].size(); ++i) {
      const auto& links = network.stages[stage][i].links;
      double total = 0;
      for (size_t k = 0; k < links.size(); ++k) {
        total += plan[stage][i][k] =
            worth(links[k], network.stages[stage + 1][static_cast<size_t>(links[k].to)]);
      }
      for (double& share : plan[stage][i]) share /= total;
    }
  }
  return plan;
}

OffloadPlan Nearest(const OffloadNetwork& network) {
  OffloadPlan plan = EvenPlan(network);
  for (size_t stage = 0; stage + 1 < network.stages.size(); ++stage) {
    for (size_t i = 0; i < network.stages[stage].size(); ++i) {
      const auto& links = network.stages[stage][i].links;
      const auto nearest =
          std::ranges::min_element(links, {}, &OffloadLink::seconds) - links.begin();
      std::ranges::fill(plan[stage][i], 0.0);
      plan[stage][i][static_cast<size_t>(nearest)] = 1;
    }
  }
  return plan;
}

// Each node moves its shares to where its own tasks would take the least time, whatever that does
// to others'.
OffloadPlan Selfish(const OffloadNetwork& network, const GoingOn& going_on,
                    const OffloadingOptions& options) {
  OffloadPlan plan = EvenPlan(network);
  for (int round = 0; round < options.rounds; ++round) {
    const NodeValues loads = LoadsOf(network, plan, going_on);
    std::vector<double> next;  // delays from the next stage's nodes on
    for (int stage = network.last_stage(); stage >= 0; --stage) {
      const auto h = static_cast<size_t>(stage);
      std::vector<double> delays;
      for (size_t i = 0; i < network.stages[h].size(); ++i) {
        const OffloadNode& node = network.stages[h][i];
        std::vector<WayOn> ways;
        double onward = 0;
        for (size_t k = 0; k < node.links.size(); ++k) {
          const auto to = static_cast<size_t>(node.links[k].to);
          const double phi = loads[h + 1][to];
          const QueueCost queue =
              NodeCost(phi, network.stages[h + 1][to].capacity, options.objective.slack);
          // The delay's slope is at most half of the cost's curvature.
          ways.push_back({node.links[k].seconds + next[to], queue.curvature / 2, phi});
          onward += plan[h][i][k] * ways.back().cost_s;
        }
        const double phi = std::max(loads[h][i], 1e-9 * node.capacity);
        const double own =
            stage == 0 ? 0 : NodeCost(phi, node.capacity, options.objective.slack).cost / phi;
        delays.push_back(own + (ways.empty() ? 0 : going_on[h] * onward));
        NodeShares shares(plan[h][i]);
        shares.Move(ways, options.step);
        plan[h][i] = shares.shares();
      }
      next = std::move(delays);
    }
  }
  return plan;
}

// Plans as genes: of two parents each node takes one's shares, some nodes draw new ones; the best
// third stays.
class Breeding {
 public:
  Breeding(const OffloadNetwork& network, const GoingOn& going_on, const DecideOptions& options)
      : network_(network), going_on_(going_on), options_(options), draws_(options.seed, "genetic") {
    for (int i = 0; i < kPlans; ++i) Add(Drawn());
  }

  OffloadPlan Best() {
    for (int generation = 0; generation < kGenerations; ++generation) {
      std::ranges::sort(plans_, {}, &Plan::first);
      plans_.resize(kKept);
      while (std::cmp_less(plans_.size(), kPlans)) Add(Child());
    }
    return std::ranges::min_element(plans_, {}, &Plan::first)->second;
  }

 private:
  static constexpr int kPlans = 36, kKept = 12, kGenerations = 150;
  using Plan = std::pair<double, OffloadPlan>;

  void Add(OffloadPlan plan) {
    const double total = Expect(network_, plan, going_on_, options_.offloading.objective).total();
    plans_.emplace_back(total, std::move(plan));
  }
  void Draw(std::vector<double>& shares) {
    double total = 0;
    for (double& share : shares) total += share = draws_.Exponential(1);
    for (double& share : shares) share /= total;
  }
  OffloadPlan Drawn() {
    OffloadPlan plan = EvenPlan(network_);
    for (auto& stage : plan) {
      for (auto& shares : stage) Draw(shares);
    }
    return plan;
  }
  OffloadPlan Child() {
    OffloadPlan child = plans_[static_cast<size_t>(draws_.UniformInt(kKept))].second;
    const OffloadPlan& other = plans_[static_cast<size_t>(draws_.UniformInt(kKept))].second;
    for (size_t stage = 0; stage < child.size(); ++stage) {
      for (size_t i = 0; i < child[stage].size(); ++i) {
        if (draws_.Uniform() < 0.5) child[stage][i] = other[stage][i];
        if (draws_.Uniform() < 0.02) Draw(child[stage][i]);
      }
    }
    return child;
  }

  const OffloadNetwork& network_;
  const GoingOn& going_on_;
  const DecideOptions& options_;
  RngStream draws_;
  std::vector<Plan> plans_;
};

OffloadPlan ByCapacity(const OffloadNetwork& network) {
  return Proportional(network,
                      [](const OffloadLink&, const OffloadNode& to) { return to.capacity; });
}

OffloadPlan ByBandwidth(const OffloadNetwork& network) {
  return Proportional(network,
                      [](const OffloadLink& link, const OffloadNode&) { return 1 / link.seconds; });
}

// Thresholds one step up or down, the most promising first.
class Thresholds {
 public:
  Thresholds(const OffloadNetwork& network, const ExitTable& table, const DecideOptions& options)
      : network_(network), table_(table), options_(options) {
    const GoingOn fixed = SharesAt(table, SameThresholds(table, options.fixed_threshold)).going_on;
    reference_ = Expect(network, ByCapacity(network), fixed, options.offloading.objective).delay_s;
  }

  // One move of one exit's threshold that makes U less. False: none does.
  bool Move(Decisions& decisions) const {
    const ExitShares now = SharesAt(table_, decisions.thresholds);
    const ObjectiveOptions& objective = options_.offloading.objective;
    const Marginals marginals = MarginalsOf(network_, decisions.plan, now.going_on, objective);
    std::vector<std::pair<double, std::vector<double>>> moves;
    for (size_t exit = 0; exit < decisions.thresholds.size(); ++exit) {
      for (const double step : {-options_.threshold_step, options_.threshold_step}) {
        std::vector<double> thresholds = decisions.thresholds;
        thresholds[exit] = std::clamp(thresholds[exit] + step, 0.0, 1 + options_.threshold_step);
        const ExitShares then = SharesAt(table_, thresholds);
        double delay = 0;  // its change, to first order
        for (size_t h = 0; h < then.going_on.size(); ++h) {
          delay += marginals.going_on[h] * (then.going_on[h] - now.going_on[h]);
        }
        const double change = Utility(delay, then.accuracy - now.accuracy);
        if (change < 0) moves.emplace_back(change, std::move(thresholds));
      }
    }
    std::ranges::sort(moves);
    const double u = UtilityOf(decisions.plan, decisions.thresholds);
    for (auto& [change, thresholds] : moves) {
      if (UtilityOf(decisions.plan, thresholds) >= u) continue;
      decisions.thresholds = std::move(thresholds);
      return true;
    }
    return false;
  }

 private:
  double Utility(double delay, double accuracy) const {
    return options_.delay_weight * delay / reference_ - (1 - options_.delay_weight) * accuracy;
  }
  double UtilityOf(const OffloadPlan& plan, const std::vector<double>& thresholds) const {
    const ExitShares shares = SharesAt(table_, thresholds);
    const Expected expected =
        Expect(network_, plan, shares.going_on, options_.offloading.objective);
    return Utility(expected.total(), shares.accuracy);
  }

  const OffloadNetwork& network_;
  const ExitTable& table_;
  const DecideOptions& options_;
  double reference_ = 0;
};

Decisions WithFixedThresholds(const OffloadNetwork& network, const ExitTable& table,
                              const DecideOptions& options, double threshold) {
  Decisions decisions{{}, SameThresholds(table, threshold)};
  const GoingOn going_on = SharesAt(table, decisions.thresholds).going_on;
  decisions.plan = Offload(network, EvenPlan(network), going_on, options.offloading).plan;
  return decisions;
}

}  // namespace

std::vector<std::string> DeciderNames() {
  return {"dto-ee",  "nearest", "capacity",    "bandwidth",
          "selfish", "genetic", "fixed-exits", "no-exits"};
}

Decisions DecideFrom(const Decisions& start, const OffloadNetwork& network, const ExitTable& table,
                     const DecideOptions& options) {
  Decisions decisions = start;
  DecideOptions own = options;  // the penalty grows where it must
  const Thresholds thresholds(network, table, own);
  const auto offload = [&](int rounds) {
    OffloadingOptions offloading = own.offloading;
    offloading.rounds = rounds;
    const GoingOn going_on = SharesAt(table, decisions.thresholds).going_on;
    Offloading result = Offload(network, std::move(decisions.plan), going_on, offloading);
    own.offloading.objective.penalty = result.penalty;
    decisions.plan = std::move(result.plan);
  };
  for (int move = 0; move < options.moves; ++move) {
    offload(options.rounds_between);
    if (!thresholds.Move(decisions)) break;
  }
  offload(options.offloading.rounds);
  return decisions;
}

Decisions Decide(const std::string& name, const OffloadNetwork& network, const ExitTable& table,
                 const DecideOptions& options) {
  Decisions decisions{EvenPlan(network), SameThresholds(table, options.fixed_threshold)};
  const GoingOn going_on = SharesAt(table, decisions.thresholds).going_on;
  if (name == "dto-ee") return DecideFrom(decisions, network, table, options);
  if (name == "fixed-exits")
    return WithFixedThresholds(network, table, options, options.fixed_threshold);
  if (name == "no-exits") return WithFixedThresholds(network, table, options, kNoExit);
  if (name == "nearest") {
    decisions.plan = Nearest(network);
  } else if (name == "capacity") {
    decisions.plan = ByCapacity(network);
  } else if (name == "bandwidth") {
    decisions.plan = ByBandwidth(network);
  } else if (name == "selfish") {
    decisions.plan = Selfish(network, going_on, options.offloading);
  } else if (name == "genetic") {
    decisions.plan = Breeding(network, going_on, options).Best();
  } else {
    throw InputError(
        fmt::format("unknown decider '{}'; known: {}", name, fmt::join(DeciderNames(), ", ")));
  }
  return decisions;
}

}  // namespace hat
