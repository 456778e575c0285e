// A small world whose latencies are linear in tokens and context, so that a test can work them out
// by hand: profiles and a scenario in a folder of the test's own.
#pragma once

#include <string>
#include <vector>

#include "experiments/scenario/scenario.h"
#include "tests/core/temp_folder.h"

namespace hat {

// us = base + per_token x new tokens + per_context x context.
struct LinearUs {
  double base = 0, per_token = 0, per_context = 0;
  Seconds operator()(int tokens, int context = 0) const {
    return Microseconds(base + per_token * tokens + per_context * context);
  }
};

struct ToyDevice {
  LinearUs embedding{10, 1, 0};
  LinearUs layer{100, 2, 0.125};
  LinearUs adapter{50, 1, 0.25};
  LinearUs head{30, 3, 0};
  LinearUs medusa{200, 1, 0};

  Seconds Input(int tokens, int context, int layers = 2) const {
    return embedding(tokens) + layers * layer(tokens, context);
  }
  Seconds Draft(int width, int context) const {
    return Input(width, context) + adapter(width, context) + head(width);
  }
};

struct ToyCloud {
  LinearUs linear{40, 2, 0};
  LinearUs a0{7, 0, 0};
  LinearUs attention{3, 0.5, 0.0625};
  LinearUs embedding{11, 1, 0};
  LinearUs head{17, 2, 0};

  // One sequence alone in a batch.
  Seconds Layer(int tokens, int context) const {
    return linear(tokens) + a0(1) + attention(tokens, context);
  }
};

// cloud-sd's, of 32 layers too.
inline ToyCloud ToyDraftModel() {
  return {{4, 0.25, 0}, {1, 0, 0}, {0.5, 0.125, 0.03125}, {2, 0.5, 0}, {3, 1, 0}};
}

// Vicuna-7B: 8192 bytes per position, 2 layers on the device, 30 in the cloud.
inline constexpr double kStateBytes = 8192;
inline constexpr double kHeaderBytes = 64;

class Toy {
 public:
  explicit Toy(const ToyDevice& device = {}, const ToyCloud& cloud = {});

  // Writes "<name>.json". `spread`: each latency is measured at these multiples of it.
  void Write(const std::string& name, const ToyDevice& device, std::vector<double> spread = {1});
  void Write(const std::string& name, const ToyCloud& cloud, std::vector<double> spread = {1});
  void Write(const std::string& file, const std::string& text);

  // Its profiles are device.json, cloud.json and draft.json. One device; links of 80 (up) and 160
  // Mb/s (down), 3 ms; one request of 10 prompt and 3 output tokens at 0 s; one stage.
  Scenario Load(const std::vector<std::string>& overrides = {}) const;
  std::string scenario_path() const { return folder_ / "toy.toml"; }
  std::string operator/(const std::string& name) const { return folder_ / name; }

 private:
  TempFolder folder_;
};

}  // namespace hat
