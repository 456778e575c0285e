#include "offload/spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "core/config.h"
#include "core/error.h"

namespace hat {
namespace {

constexpr int kMostNodes = 1'000'000;

int Count(const ConfigTable& table, const char* key, int most, std::optional<int> fallback = {}) {
  return static_cast<int>(table.Integer(key, 1, most, fallback));
}

// [low, high], or one number for both.
void ReadRange(const ConfigTable& table, const char* key, double& low, double& high) {
  const std::vector<double> values = table.Numbers(key, Range::Positive(1e9));
  if (values.empty() || values.size() > 2 || values.front() > values.back())
    throw table.Error(key, "must be [low, high]");
  low = values.front();
  high = values.back();
}

void ReadNetwork(const ConfigTable& root, DrawnNetwork& network) {
  const ConfigTable devices = root.Table("devices"), links = root.Table("links");
  network.devices = Count(devices, "count", kMostNodes);
  ReadRange(devices, "rate_per_s", network.rate_low, network.rate_high);
  for (const ConfigTable& entry : root.Tables("stage")) {
    DrawnStage stage;
    stage.name = entry.String("name");
    stage.nodes = Count(entry, "nodes", kMostNodes);
    ReadRange(entry, "capacity_per_s", stage.capacity_low, stage.capacity_high);
    network.stages.push_back(stage);
  }
  network.degree = Count(links, "degree", kMostNodes, network.degree);
  ReadRange(links, "mbps", network.mbps_low, network.mbps_high);
  network.kilobytes = links.Number("kilobytes", Range::Positive(1e9));
}

void ReadDecide(const ConfigTable& table, DecideOptions& decide) {
  const auto share = [&](const char* key, double& value) {
    value = table.Number(key, Range::Between(0, 1), value);
  };
  share("delay_weight", decide.delay_weight);
  share("fixed_threshold", decide.fixed_threshold);
  decide.threshold_step =
      table.Number("threshold_step", Range::Between(0.001, 0.5), decide.threshold_step);
  decide.offloading.step = table.Number("step", Range::Between(0.001, 1), decide.offloading.step);
  decide.offloading.rounds = Count(table, "rounds", 100'000, decide.offloading.rounds);
  decide.rounds_between = Count(table, "rounds_between", 10'000, decide.rounds_between);
}

template <typename Value>
void RefuseTwice(const ConfigTable& table, const char* key, std::vector<Value> values) {
  std::ranges::sort(values);
  if (std::ranges::adjacent_find(values) != values.end()) throw table.Error(key, "names one twice");
}

void ReadStudy(const ConfigTable& root, OffloadSpec& spec) {
  const ConfigTable play = root.Table("play"), study = root.Table("study"),
                    changes = root.Table("changes");
  spec.seconds = play.Number("seconds", Range::Positive(1e7), spec.seconds);
  spec.warm_up_s =
      play.Number("warm_up_s", Range::Between(0, 1e7), std::min(spec.warm_up_s, spec.seconds / 10));
  if (spec.warm_up_s >= spec.seconds)
    throw play.Error("warm_up_s", "must be less than play.seconds");
  spec.loads = study.Numbers("loads", Range::Between(0.01, 0.999), spec.loads);
  spec.deciders = study.Strings("deciders", spec.deciders);
  for (const std::string& decider : spec.deciders) {
    const auto names = DeciderNames();
    if (std::ranges::find(names, decider) == names.end())
      throw study.Error("deciders",
                        fmt::format("must be of {}, got '{}'", fmt::join(names, ", "), decider));
  }
  if (spec.loads.empty() || spec.deciders.empty())
    throw study.Error("loads", "and deciders must not be empty");
  RefuseTwice(study, "loads", spec.loads);
  RefuseTwice(study, "deciders", spec.deciders);
  spec.seeds = Count(study, "seeds", 1000, spec.seeds);
  spec.changes.every_s = changes.Number("every_s", Range::Between(0, 1e7), 0.0);
  if (spec.changes.every_s == 0) {
    changes.Forbid({"spread", "fail_share"}, "every_s", "0");
    return;
  }
  spec.changes.spread = changes.Number("spread", Range::Between(0, 0.99), spec.changes.spread);
  spec.changes.fail_share =
      changes.Number("fail_share", Range::Between(0, 0.5), spec.changes.fail_share);
}

}  // namespace

OffloadSpec LoadOffloadSpec(const std::string& path, const std::vector<std::string>& overrides,
                            bool is_quick) {
  const Config config = Config::FromFile(path, overrides);
  const ConfigTable root = config.Root();
  OffloadSpec spec;
  spec.path = path;
  spec.name = root.String("name", std::filesystem::path(path).stem().string());
  spec.seed = static_cast<uint64_t>(root.Integer("seed", 0, INT64_MAX, 1));
  spec.table_path = root.Table("exits").Path("table");
  ReadNetwork(root, spec.network);
  ReadDecide(root.Table("decide"), spec.decide);
  ReadStudy(root, spec);
  config.RejectUnknownKeys();
  spec.resolved = config.Resolved();
  if (spec.network.stages.empty()) throw InputError(path + ": needs at least one [[stage]]");
  if (is_quick) {
    if (spec.loads.size() > 2) spec.loads = {spec.loads.front(), spec.loads.back()};
    spec.seeds = std::min(spec.seeds, 2);
    spec.seconds /= 5;
    spec.warm_up_s /= 5;
  }
  return spec;
}

}  // namespace hat
