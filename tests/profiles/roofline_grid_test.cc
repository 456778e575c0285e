// Profiles on a grid against the roofline that they were made from.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "profiles/modelled_profile.h"
#include "profiles/profile.h"
#include "profiles/roofline.h"

namespace hat {
namespace {

constexpr double kTolerance = 0.02;

using Latency = std::function<Seconds(int tokens, int context)>;

struct Range {
  int tokens;
  int context;
};

// The largest relative error over every number of tokens up to 600, then some, and contexts between
// grid points.
double LargestError(const Latency& grid, const Latency& exact, Range range) {
  double largest = 0;
  for (int n = 1; n <= range.tokens; n += n < 600 ? 1 : 37) {
    for (int c = 0; c <= range.context; c = c * 3 / 2 + 13) {
      largest = std::max(largest, std::abs(grid(n, c) / exact(n, c) - 1));
    }
  }
  return largest;
}

class RooflineGridTest : public testing::TestWithParam<std::string> {};

TEST_P(RooflineGridTest, DeviceLatenciesAreWithinTwoPercent) {
  for (const std::string& model : ModelShapeNames()) {
    const HardwareMode hardware = FindHardware(GetParam());
    const Roofline roofline(hardware, FindModelShape(model));
    const DeviceProfile profile(ModelProfile(hardware, FindModelShape(model), Role::kDevice));
    EXPECT_EQ(profile.max_tokens(), 4096);
    EXPECT_EQ(profile.max_context(), 8192);
    const struct {
      const char* name;
      Latency grid, exact;
      int context;
    } operations[] = {
        {"layer", [&](int n, int c) { return profile.Layer(n, c); },
         [&](int n, int c) { return roofline.Layer(n, c); }, 8192},
        {"adapter", [&](int n, int c) { return profile.Adapter(n, c); },
         [&](int n, int c) { return roofline.Adapter(n, c); }, 8192},
        {"embedding", [&](int n, int) { return profile.Embedding(n); },
         [&](int n, int) { return roofline.Embedding(n); }, 0},
        {"head", [&](int n, int) { return profile.Head(n); },
         [&](int n, int) { return roofline.Head(n); }, 0},
        {"medusa", [&](int n, int) { return profile.Medusa(n); },
         [&](int n, int) { return roofline.Medusa(n); }, 0},
    };
    for (const auto& [name, grid, exact, context] : operations) {
      EXPECT_LT(LargestError(grid, exact, {4096, context}), kTolerance) << model << " " << name;
    }
  }
}

TEST_P(RooflineGridTest, CloudLatenciesAreWithinTwoPercent) {
  for (const std::string& model : ModelShapeNames()) {
    const HardwareMode hardware = FindHardware(GetParam());
    const Roofline roofline(hardware, FindModelShape(model));
    const CloudProfile profile(ModelProfile(hardware, FindModelShape(model), Role::kCloud));
    EXPECT_EQ(profile.max_tokens(), 16384);
    EXPECT_EQ(profile.max_context(), 8192);
    EXPECT_NEAR(ToMicroseconds(profile.AttentionBase()), ToMicroseconds(roofline.AttentionBase()),
                1e-9);
    const Latency linear = [&](int n, int) { return profile.Linear(n); };
    const Latency exact_linear = [&](int n, int) { return roofline.Linear(n); };
    EXPECT_LT(LargestError(linear, exact_linear, {16384, 0}), kTolerance) << model;
    const Latency attention = [&](int n, int c) { return profile.Attention(n, c); };
    const Latency exact_attention = [&](int n, int c) { return roofline.Attention(n, c); };
    EXPECT_LT(LargestError(attention, exact_attention, {16384, 8192}), kTolerance) << model;
  }
}

TEST_P(RooflineGridTest, LatencyHardlyFallsWithMoreTokensOrContext) {
  const Roofline roofline(FindHardware(GetParam()), FindModelShape("vicuna-7b"));
  for (int n = 1; n < 2200; ++n) {
    EXPECT_GE(roofline.Layer(n + 1, 0) / roofline.Layer(n, 0), 0.999) << n;
    EXPECT_GE(roofline.Layer(n, 100) / roofline.Layer(n, 0), 1) << n;
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const Hardware& hardware : HardwareTable()) {
    for (const PowerMode& mode : hardware.modes) {
      names.push_back(mode.name.empty() ? hardware.name : hardware.name + ":" + mode.name);
    }
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Hardware, RooflineGridTest, testing::ValuesIn(Names()),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& letter : name) {
                             if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace hat
