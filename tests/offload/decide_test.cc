#include "offload/decide.h"

#include <gmock/gmock.h>

#include <cmath>
#include <sstream>

#include "tests/core/expect_error.h"
#include "tests/offload/networks.h"

namespace hat {
namespace {

// Three exits that are as often right as they are sure, later ones surer.
ExitTable CalibratedTable() {
  RngStream draws(1, "table");
  std::ostringstream text;
  text << "confidence_1,right_1,confidence_2,right_2,confidence_3,right_3\n";
  for (int sample = 0; sample < 4000; ++sample) {
    const double ease = draws.Uniform();
    for (const double power : {1.0, 0.4, 0.1}) {
      const double confidence = std::pow(ease, power);
      text << (power == 1.0 ? "" : ",") << confidence << ","
           << (draws.Uniform() < confidence ? 1 : 0);
    }
    text << "\n";
  }
  return ExitTable::FromCsv(CsvFile::Parse(text.str(), "table"));
}

class DecideTest : public testing::Test {
 protected:
  double Total(const Decisions& decisions) const {
    const GoingOn going_on = SharesAt(table_, decisions.thresholds).going_on;
    return Expect(network_, decisions.plan, going_on, options_.offloading.objective).total();
  }

  const ExitTable table_ = CalibratedTable();
  const OffloadNetwork network_ = JoinedNetwork(8, 1.2, {{8, 4, 2}, {8, 4, 2}, {6, 3}});
  DecideOptions options_;
};

TEST_F(DecideTest, EveryPlansSharesAddUpToOne) {
  for (const std::string& name : DeciderNames()) {
    const Decisions decisions = Decide(name, network_, table_, options_);
    for (size_t stage = 0; stage + 1 < network_.stages.size(); ++stage) {
      for (const auto& shares : decisions.plan[stage]) {
        double sum = 0;
        for (const double share : shares) {
          EXPECT_GE(share, 0) << name;
          sum += share;
        }
        EXPECT_NEAR(sum, 1, 1e-9) << name;
      }
    }
  }
  EXPECT_INPUT_ERROR(Decide("oracle", network_, table_, options_),
                     testing::HasSubstr("dto-ee, nearest"));
}

// Under the same thresholds no other plan is expected to be faster.
TEST_F(DecideTest, DtoEesOffloadingIsTheFastest) {
  const double least = Total(Decide("fixed-exits", network_, table_, options_));
  for (const char* name : {"nearest", "capacity", "bandwidth", "selfish", "genetic"}) {
    EXPECT_GT(Total(Decide(name, network_, table_, options_)), least) << name;
  }
}

// Who minds delay alone lets all exit early, who minds accuracy alone lets none be wrong that need
// not.
TEST_F(DecideTest, ThresholdsFollowTheWeights) {
  const auto accuracy = [&](double delay_weight) {
    options_.delay_weight = delay_weight;
    return SharesAt(table_, Decide("dto-ee", network_, table_, options_).thresholds).accuracy;
  };
  const double all_delay = accuracy(1), middle = accuracy(0.5), all_accuracy = accuracy(0);
  EXPECT_LT(all_delay, middle);
  EXPECT_LE(middle, all_accuracy);
}

TEST_F(DecideTest, ItGoesOnFromWhereItWas) {
  const Decisions before = Decide("dto-ee", network_, table_, options_);
  OffloadNetwork changed = network_;
  changed.stages[1][0].capacity /= 2;
  const Decisions after = DecideFrom(before, changed, table_, options_);
  const auto load = [&](const OffloadNetwork& network, const Decisions& decisions) {
    return LoadsOf(network, decisions.plan, SharesAt(table_, decisions.thresholds).going_on)[1][0];
  };
  EXPECT_LT(load(changed, after), load(network_, before));
}

}  // namespace
}  // namespace hat
