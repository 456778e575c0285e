#include "offload/actors.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/random.h"
#include "world/memory_world.h"

namespace hat {
namespace {

// What a node knows.
struct Actor {
  NodeShares shares;
  std::vector<WayOn> ways;         // as their ends last said
  std::vector<double> said_flows;  // tasks/s from each upstream neighbour, likewise
  std::vector<std::pair<int, int>>
      upstream;  // its neighbours there: node, and which of that one's links leads here
};

class Actors {
 public:
  Actors(const OffloadNetwork& network, const OffloadPlan& start, const GoingOn& going_on,
         const ActorOptions& options)
      : network_(network),
        going_on_(going_on),
        options_(options),
        total_rate_(network.TotalRate()) {
    const NodeValues loads = LoadsOf(network, start, going_on);
    const Marginals marginals = MarginalsOf(network, start, going_on, options.offloading.objective);
    for (size_t stage = 0; stage < network.stages.size(); ++stage) {
      auto& actors = actors_.emplace_back();
      for (size_t i = 0; i < network.stages[stage].size(); ++i) {
        actors.push_back({NodeShares(start[stage][i]),
                          WaysOf(network, static_cast<int>(stage), network.stages[stage][i], loads,
                                 marginals, options.offloading.objective),
                          {},
                          {}});
      }
    }
    for (size_t stage = 0; stage + 1 < network.stages.size(); ++stage) {
      for (size_t i = 0; i < network.stages[stage].size(); ++i) {
        const auto& links = network.stages[stage][i].links;
        for (size_t k = 0; k < links.size(); ++k) {
          Actor& end = actors_[stage + 1][static_cast<size_t>(links[k].to)];
          end.upstream.emplace_back(static_cast<int>(i), static_cast<int>(k));
          end.said_flows.push_back(going_on[stage] * loads[stage][i] * start[stage][i][k]);
          place_.resize(std::max(place_.size(), stage + 1));
          place_[stage].resize(network.stages[stage].size());
          place_[stage][i].push_back(end.upstream.size() - 1);
        }
      }
    }
  }

  ActorRun Run() {
    RngStream draws(options_.seed, "actors");
    for (size_t stage = 0; stage < actors_.size(); ++stage) {
      for (size_t i = 0; i < actors_[stage].size(); ++i) {
        Round(stage, i, options_.offloading.rounds, Seconds(draws.Uniform(0, options_.period_s)));
      }
    }
    for (int round = 0; round <= options_.offloading.rounds; ++round) {
      world_.CallAt(Seconds(round * options_.period_s), [this] { Look(); });
    }
    world_.Run();
    Look();
    ActorRun run{Plan(), messages_, world_.Now().value(), 0};
    for (size_t look = looks_.size();
         look-- > 0 && looks_[look].second <= 1.01 * looks_.back().second;) {
      run.within_1pct_s = looks_[look].first;
    }
    return run;
  }

 private:
  void Round(size_t stage, size_t i, int rounds, Seconds at) {
    if (rounds == 0) return;
    world_.CallAt(at, [=, this] {
      Act(stage, i);
      Round(stage, i, rounds - 1, at + Seconds(options_.period_s));
    });
  }

  // Moves its shares by what it was told, tells its flows downstream and its cost upstream.
  void Act(size_t stage, size_t i) {
    Actor& actor = actors_[stage][i];
    const OffloadNode& node = network_.stages[stage][i];
    double load = node.rate;
    for (const double flow : actor.said_flows) load += flow;
    actor.shares.Move(actor.ways, options_.offloading.step);
    double onward = 0;
    for (size_t k = 0; k < actor.ways.size(); ++k) {
      const double share = actor.shares.shares()[k];
      onward += share * actor.ways[k].cost_s;
      const double flow = going_on_[stage] * load * share;
      Tell([=, this, to = static_cast<size_t>(node.links[k].to), place = place_[stage][i][k]] {
        actors_[stage + 1][to].said_flows[place] = flow;
      });
    }
    if (stage == 0) return;
    const ObjectiveOptions& objective = options_.offloading.objective;
    const double cost = NodeSlope(load, node.capacity, total_rate_, objective) +
                        (actor.ways.empty() ? 0 : going_on_[stage] * onward);
    const double curvature = NodeCurvature(load, node.capacity, total_rate_, objective);
    for (const auto& [from, link] : actor.upstream) {
      const auto f = static_cast<size_t>(from), k = static_cast<size_t>(link);
      const double link_s = network_.stages[stage - 1][f].links[k].seconds;
      Tell([=, this] { actors_[stage - 1][f].ways[k] = {link_s + cost, curvature, load}; });
    }
  }

  void Tell(std::function<void()> message) {
    ++messages_;
    world_.CallAt(world_.Now() + Seconds(options_.message_s), std::move(message));
  }

  OffloadPlan Plan() const {
    OffloadPlan plan;
    for (const auto& stage : actors_) {
      auto& shares = plan.emplace_back();
      for (const Actor& actor : stage) shares.push_back(actor.shares.shares());
    }
    return plan;
  }

  // From outside, where all is seen.
  void Look() {
    looks_.emplace_back(world_.Now().value(),
                        Expect(network_, Plan(), going_on_, options_.offloading.objective).total());
  }

  const OffloadNetwork& network_;
  const GoingOn& going_on_;
  const ActorOptions& options_;
  double total_rate_;
  MemoryWorld world_;
  std::vector<std::vector<Actor>> actors_;
  std::vector<std::vector<std::vector<size_t>>> place_;  // of each link among its end's upstream
  std::vector<std::pair<double, double>> looks_;         // when, expected total
  int64_t messages_ = 0;
};

}  // namespace

ActorRun RunActors(const OffloadNetwork& network, OffloadPlan start, const GoingOn& going_on,
                   const ActorOptions& options) {
  return Actors(network, start, going_on, options).Run();
}

}  // namespace hat
