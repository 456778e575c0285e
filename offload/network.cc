#include "offload/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

struct Place {
  double x = 0, y = 0;
};

double Distance(const Place& a, const Place& b) { return std::hypot(a.x - b.x, a.y - b.y); }

std::vector<Place> DrawPlaces(int count, RngStream stream) {
  std::vector<Place> places(static_cast<size_t>(count));
  for (Place& place : places) place = {stream.Uniform(), stream.Uniform()};
  return places;
}

// The nearest first, of equals the lower number.
std::vector<int> ByDistance(const Place& from, const std::vector<Place>& places) {
  std::vector<int> order(places.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {},
                           [&](int i) { return Distance(from, places[static_cast<size_t>(i)]); });
  return order;
}

void Join(std::vector<OffloadNode>& from, const std::vector<Place>& from_places,
          const std::vector<Place>& to_places, const DrawnNetwork& drawn) {
  const auto link = [&](size_t node, int to) {
    const double nearness =
        1 - Distance(from_places[node], to_places[static_cast<size_t>(to)]) / std::sqrt(2.0);
    const double mbps = drawn.mbps_low + nearness * (drawn.mbps_high - drawn.mbps_low);
    from[node].links.push_back({to, drawn.kilobytes * 8e-3 / mbps});
  };
  std::vector<char> is_reached(to_places.size());
  for (size_t node = 0; node < from.size(); ++node) {
    const std::vector<int> order = ByDistance(from_places[node], to_places);
    for (size_t i = 0; i < std::min(order.size(), static_cast<size_t>(drawn.degree)); ++i) {
      link(node, order[i]);
      is_reached[static_cast<size_t>(order[i])] = 1;
    }
  }
  for (size_t to = 0; to < to_places.size(); ++to) {
    if (is_reached[to]) continue;
    link(static_cast<size_t>(ByDistance(to_places[to], from_places)[0]), static_cast<int>(to));
  }
}

}  // namespace

double OffloadNetwork::TotalRate() const {
  double total = 0;
  for (const OffloadNode& device : stages.front()) total += device.rate;
  return total;
}

OffloadPlan EvenPlan(const OffloadNetwork& network) {
  OffloadPlan plan;
  for (const auto& stage : network.stages) {
    auto& shares = plan.emplace_back();
    for (const OffloadNode& node : stage) {
      shares.emplace_back(node.links.size(),
                          node.links.empty() ? 0 : 1.0 / static_cast<double>(node.links.size()));
    }
  }
  return plan;
}

void CheckNetwork(const OffloadNetwork& network) {
  if (network.stages.size() < 2)
    throw InputError("the network needs devices and at least one stage after them");
  for (size_t stage = 0; stage < network.stages.size(); ++stage) {
    const bool is_last = stage + 1 == network.stages.size();
    const size_t next = is_last ? 0 : network.stages[stage + 1].size();
    std::vector<char> is_reached(next);
    if (network.stages[stage].empty())
      throw InputError(fmt::format("stage {} has no nodes", stage));
    for (size_t i = 0; i < network.stages[stage].size(); ++i) {
      const OffloadNode& node = network.stages[stage][i];
      const auto fail = [&](const std::string& problem) {
        throw InputError(fmt::format("node {} of stage {} {}", i, stage, problem));
      };
      const double strength = stage == 0 ? node.rate : node.capacity;
      if (!(strength > 0))
        fail(stage == 0 ? "has no tasks: its rate must be > 0" : "must have a capacity > 0");
      if (is_last && !node.links.empty()) fail("is in the last stage and must have no links");
      if (!is_last && node.links.empty()) fail("is a dead end: it needs a link to the next stage");
      for (const OffloadLink& link : node.links) {
        if (link.to < 0 || std::cmp_greater_equal(link.to, next))
          fail(fmt::format("has a link to node {} of the next stage, which has {}", link.to, next));
        if (!(link.seconds >= 0 && std::isfinite(link.seconds))) fail("has a link without a rate");
        is_reached[static_cast<size_t>(link.to)] = 1;
      }
    }
    const auto lost = std::ranges::find(is_reached, 0);
    if (lost != is_reached.end())
      throw InputError(fmt::format("no link leads to node {} of stage {}",
                                   lost - is_reached.begin(), stage + 1));
  }
}

OffloadNetwork DrawNetwork(const DrawnNetwork& drawn, const GoingOn& going_on, double load,
                           RngStream stream) {
  OffloadNetwork network;
  std::vector<std::vector<Place>> places;
  const auto add = [&](int count, const auto& make) {
    const auto number = static_cast<uint64_t>(network.stages.size());
    places.push_back(DrawPlaces(count, stream.At(number, 1)));
    RngStream values = stream.At(number, 2);
    auto& nodes = network.stages.emplace_back();
    for (int i = 0; i < count; ++i) nodes.push_back(make(values));
  };
  add(drawn.devices, [&](RngStream& values) {
    return OffloadNode{.rate = values.Uniform(drawn.rate_low, drawn.rate_high), .links = {}};
  });
  for (const DrawnStage& stage : drawn.stages) {
    add(stage.nodes, [&](RngStream& values) {
      return OffloadNode{.capacity = values.Uniform(stage.capacity_low, stage.capacity_high),
                         .links = {}};
    });
  }
  for (size_t stage = 0; stage + 1 < network.stages.size(); ++stage) {
    Join(network.stages[stage], places[stage], places[stage + 1], drawn);
  }
  if (load > 0) {
    const double scale = load / LoadFactor(network, going_on);
    for (OffloadNode& device : network.stages[0]) device.rate *= scale;
  }
  CheckNetwork(network);
  return network;
}

double LoadFactor(const OffloadNetwork& network, const GoingOn& going_on) {
  double flow = network.TotalRate(), worst = 0;
  for (size_t stage = 1; stage < network.stages.size(); ++stage) {
    flow *= going_on[stage - 1];
    double capacity = 0;
    for (const OffloadNode& node : network.stages[stage]) capacity += node.capacity;
    worst = std::max(worst, flow / capacity);
  }
  return worst;
}

}  // namespace hat
