#include "experiments/capacity/capacity_plan.h"

#include <filesystem>

#include "core/config.h"

namespace hat {

std::optional<CapacityPlan> LoadCapacityPlan(const std::string& path, bool is_quick) {
  const Config config = Config::FromFile(path);
  const ConfigTable root = config.Root();
  if (!root.Has("capacity")) return std::nullopt;
  const std::vector<std::string> none;
  CapacityPlan plan;
  plan.name = std::filesystem::path(path).stem();
  plan.scenario = root.Path("scenario");
  plan.systems = root.Strings("systems", none);
  plan.seeds = static_cast<int>(root.Integer("seeds", 1, 10'000, 1));
  plan.set = root.Overrides("set");
  const ConfigTable capacity = root.Table("capacity");
  plan.question = capacity.String("question");
  plan.objectives = capacity.String("slo");
  plan.over = capacity.String("over", "");
  plan.grows_fleet = capacity.Bool("grow_fleet", false);
  const std::vector<std::string> quick_set = capacity.Overrides("quick_set");
  const int quick_seeds = static_cast<int>(capacity.Integer("quick_seeds", 1, 1000, 1));
  config.RejectUnknownKeys();
  if (is_quick) {
    plan.set.insert(plan.set.end(), quick_set.begin(), quick_set.end());
    plan.seeds = quick_seeds;
  }
  return plan;
}

}  // namespace hat
