// What was found of the largest rates, for people, for spreadsheets and for the figure: the same
// numbers in each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/capacity/objectives.h"
#include "experiments/capacity/search.h"

namespace hat {

inline constexpr int kCapacitySchema = 1;

// What was asked.
struct CapacityInfo {
  std::string label = "simulated";
  std::string scenario;
  std::string model;
  std::vector<std::string> overrides;  // --set
  std::vector<uint64_t> seeds;
  std::vector<Objective> objectives;
  double tolerance = 0;      // of the bracket: 0.02
  bool grows_fleet = false;  // --grow-fleet
  std::string over;          // the swept key; empty: none
  std::string question;      // of a figure; empty: none
};

// One system, at one value of the swept key.
struct CapacityPoint {
  std::string system;
  std::string value;                        // of the swept key; empty without one
  double scenario_rate = 0;                 // requests/s
  int devices = 0;                          // of the scenario, which send them
  int gpus = 0;                             // of the cloud: replicas x stages; 0 without a cloud
  std::optional<std::string> not_possible;  // why; then nothing was found
  RateLimit limit;
  std::vector<Trial> trials;               // in the order in which they were tried
  std::vector<RateFigures> figures;        // of each
  std::optional<size_t> holding, failing;  // the trials on both sides of the limit
  std::vector<std::string> keys;           // of the runs at the limit

  // Clients that a rate stands for, each asking as often as a device of the scenario:
  // rate / (scenario rate / devices). Worked number: 30 devices at 6 requests/s ask 0.2 times a
  // second each, so 9 requests/s stand for 45 clients, and with 4 stages for 11.25 a cloud GPU.
  double Clients(double rate) const { return rate / (scenario_rate / devices); }
  std::optional<double> ClientsPerGpu(double rate) const;

  // Name of the objective that fails first above the limit, "saturation" if it is none of them;
  // empty where no rate failed.
  std::string Binds(const std::vector<Objective>& objectives) const;
};

std::string CapacityJson(const std::vector<CapacityPoint>& points, const CapacityInfo& info);
std::string CapacityCsv(const std::vector<CapacityPoint>& points, const CapacityInfo& info);
std::string CapacityText(const std::vector<CapacityPoint>& points, const CapacityInfo& info);

}  // namespace hat
