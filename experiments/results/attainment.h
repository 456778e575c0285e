// Attainment: the share of requests whose first token came within x, and likewise of their TBT, as
// a curve over x. Over the measured requests (results.h) of all runs together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hat {

inline constexpr int kAttainmentPoints = 101;  // shares 0, 0.01, ..., 1

struct AttainmentCurves {
  // The time within which the i-th share of the requests is, ascending, linear between order
  // statistics (statistics.h); empty where nothing was measured.
  std::vector<double> ttft_ms, tbt_ms;
};

class AttainmentSamples {
 public:
  // The text of a requests.csv; throws InputError that names `name` if it is none.
  void Add(std::string_view requests_csv, const std::string& name);
  AttainmentCurves Curves() &&;

 private:
  std::vector<double> ttft_ms_, tbt_ms_;
};

}  // namespace hat
