#include "tests/sim/toy.h"

#include <fstream>
#include <utility>

#include "profiles/profile_file.h"

namespace hat {
namespace {

constexpr char kScenario[] = R"(
name = "toy"
[system]
name = "hat"
[model]
shape = "vicuna-7b"
device_layers = 2
[fleet]
jitter = false
[[fleet.class]]
name = "toy"
count = 1
profiles = ["device.json"]
[link]
latency_ms = 3
[link.up]
rate_mbps = 80
[link.down]
rate_mbps = 160
[cloud]
profile = "cloud.json"
draft_profile = "draft.json"
stages = 1
[workload]
arrivals = "closed-loop"
requests = 1
[workload.prompts]
kind = "constant"
tokens = 10
[workload.outputs]
kind = "constant"
tokens = 3
)";

using Points = std::vector<LatencyGrid::Point>;

LatencyGrid::Point PointOf(const LinearUs& us, int tokens, int context,
                           const std::vector<double>& spread) {
  LatencyGrid::Point point{tokens, context, {}, {}};
  for (const double factor : spread) {
    point.samples_us.push_back(factor * ToMicroseconds(us(tokens, context)));
  }
  return point;
}

// The corners of a grid: between them the profile is linear too.
Points Plane(const LinearUs& us, const std::vector<double>& spread) {
  Points points;
  for (const int tokens : {1, 4096}) {
    for (const int context : {0, 8192}) points.push_back(PointOf(us, tokens, context, spread));
  }
  return points;
}

Points Line(const LinearUs& us, const std::vector<double>& spread) {
  return {PointOf(us, 1, 0, spread), PointOf(us, 4096, 0, spread)};
}

ProfileInfo ToyInfo(const std::string& name, Role role) {
  ProfileInfo info;
  info.id = name;
  info.role = role;
  info.hardware = "toy";
  info.model = FindModelShape("vicuna-7b");
  info.dtype = Dtype::kFloat16;
  info.source = "made by a test";
  info.memory = Bytes(64e9);
  return info;
}

}  // namespace

Toy::Toy(const ToyDevice& device, const ToyCloud& cloud) {
  Write("device", device);
  Write("cloud", cloud);
  Write("draft", ToyDraftModel());
  Write("toy.toml", std::string(kScenario));
}

void Toy::Write(const std::string& name, const ToyDevice& device, std::vector<double> spread) {
  ProfileData data;
  data.info = ToyInfo(name, Role::kDevice);
  data.operations[Operation::kEmbedding] = Line(device.embedding, spread);
  data.operations[Operation::kLayer] = Plane(device.layer, spread);
  data.operations[Operation::kAdapter] = Plane(device.adapter, spread);
  data.operations[Operation::kHead] = Line(device.head, spread);
  data.operations[Operation::kMedusa] = Line(device.medusa, spread);
  Write(name + ".json", ProfileText(data));
}

void Toy::Write(const std::string& name, const ToyCloud& cloud, std::vector<double> spread) {
  ProfileData data;
  data.info = ToyInfo(name, Role::kCloud);
  data.operations[Operation::kLinear] = Line(cloud.linear, spread);
  data.operations[Operation::kAttentionBase] = {PointOf(cloud.a0, 1, 0, spread)};
  data.operations[Operation::kAttention] = Plane(cloud.attention, spread);
  data.operations[Operation::kEmbedding] = Line(cloud.embedding, spread);
  data.operations[Operation::kHead] = Line(cloud.head, spread);
  Write(name + ".json", ProfileText(data));
}

void Toy::Write(const std::string& file, const std::string& text) {
  std::ofstream(folder_ / file) << text;
}

Scenario Toy::Load(const std::vector<std::string>& overrides) const {
  return LoadScenario(scenario_path(), overrides);
}

}  // namespace hat
