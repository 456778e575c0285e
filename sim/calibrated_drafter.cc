#include "sim/calibrated_drafter.h"

#include <fmt/format.h>

#include <boost/math/distributions/beta.hpp>
#include <cmath>
#include <functional>

#include "core/error.h"

namespace hat {
namespace {

// The x in [low, high] at which the rising function reaches `target`.
double Bisect(const std::function<double(double)>& rising, double target, double low, double high) {
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    (rising(middle) < target ? low : high) = middle;
  }
  return (low + high) / 2;
}

double SolveAcceptLength(const char* key, const std::function<double(double)>& length,
                         double target, double high) {
  const double most = length(high);
  if (target > most) {
    throw InputError(
        fmt::format("'acceptance.{}' is {}, but the reference policy cannot yield more than {:.4g} "
                    "tokens a round",
                    key, target, most));
  }
  return Bisect(length, target, 0, high);
}

// E[c; c >= threshold] of a Beta distribution with a + b = concentration.
double SentAndRight(double mean, double concentration, double threshold) {
  const double a = mean * concentration;
  const double b = (1 - mean) * concentration;
  if (threshold <= 0) return mean;
  if (threshold >= 1) return 0;
  // c times Beta(a, b)'s density is mean times Beta(a + 1, b)'s.
  return mean * boost::math::ibetac(a + 1, b, threshold);
}

void CheckReference(const AcceptanceConfig& config) {
  if (config.policy == "threshold" || config.policy == "fixed") return;
  throw InputError(
      fmt::format("'acceptance.policy' is '{}', but only these have a closed form: "
                  "threshold, fixed",
                  config.policy));
}

}  // namespace

namespace {

// a + b of the requests' means, and of the confidences around one's.
double BetweenRequests(const AcceptanceConfig& config) {
  return (config.concentration + 1) / config.request_correlation - 1;
}
double WithinRequest(const AcceptanceConfig& config) {
  return config.concentration / (1 - config.request_correlation);
}

// Of a request whose confidences have this mean.
double AcceptLengthAt(const AcceptanceConfig& config, double mean) {
  const bool is_fixed = config.policy == "fixed";
  const double threshold = is_fixed ? 0 : config.reference.draft_threshold;
  const int most = is_fixed ? std::min(config.reference.draft_fixed, config.reference.max_draft)
                            : config.reference.max_draft;
  const double q = SentAndRight(mean, WithinRequest(config), threshold);
  double length = 1;
  double term = 1;
  for (int n = 1; n <= most; ++n) length += term *= q;
  return length;
}

}  // namespace

double ExpectedAcceptLength(const AcceptanceConfig& config, double mean) {
  if (config.request_correlation == 0 || mean <= 0 || mean >= 1)
    return AcceptLengthAt(config, mean);
  constexpr int kRequests = 32;  // equally likely ones
  const double all = BetweenRequests(config);
  double rounds_a_token = 0;
  for (int i = 0; i < kRequests; ++i) {
    const double its = boost::math::ibeta_inv(mean * all, (1 - mean) * all, (i + 0.5) / kRequests);
    rounds_a_token += 1 / AcceptLengthAt(config, its) / kRequests;
  }
  return 1 / rounds_a_token;
}

double ExpectedTreeLength(const AcceptanceConfig& config, const Tree& tree, double p) {
  std::vector<double> reached{1};  // probability that the path to a node is the target's
  double length = 1;
  for (size_t node = 1; node < tree.parents.size(); ++node) {
    const double hit = p * std::pow(config.medusa_ratio, tree.depths[node] - 1);
    const auto rank = static_cast<size_t>(tree.ranks[node]);
    const double chance = rank == 1 ? hit
                          : rank - 2 < config.rank_curve.size()
                              ? (1 - hit) * config.rank_curve[rank - 2]
                              : 0;
    reached.push_back(reached[static_cast<size_t>(tree.parents[node])] * chance);
    length += reached.back();
  }
  return length;
}

CalibratedDrafter::CalibratedDrafter(const AcceptanceConfig& config, uint64_t seed)
    : config_(config),
      confidences_(seed, "confidence"),
      outcomes_(seed, "draft outcome"),
      medusa_(seed, "medusa"),
      requests_(seed, "request confidence") {
  CheckReference(config_);
  mean_ = SolveAcceptLength(
      "accept_length", [&](double mean) { return ExpectedAcceptLength(config_, mean); },
      config_.accept_length, 1 - 1e-6);
  const Tree& tree = FindTree(config_.reference.tree);
  medusa_hit_ = SolveAcceptLength(
      "medusa_accept_length", [&](double p) { return ExpectedTreeLength(config_, tree, p); },
      config_.medusa_accept_length, 1);
}

double CalibratedDrafter::MeanOf(const Request& request) const {
  if (config_.request_correlation == 0 || mean_ <= 0) return mean_;
  const double all = BetweenRequests(config_);
  return requests_.At(static_cast<uint64_t>(request.id)).Beta(mean_ * all, (1 - mean_) * all);
}

float CalibratedDrafter::Confidence(const Request& request, int token, int step) const {
  RngStream stream = confidences_.At(static_cast<uint64_t>(request.id),
                                     static_cast<uint64_t>(token), static_cast<uint64_t>(step));
  const double mean = MeanOf(request), all = WithinRequest(config_);
  return static_cast<float>(stream.Beta(mean * all, (1 - mean) * all));
}

int CalibratedDrafter::Rank(const Request& request, int token, int step, float confidence) const {
  RngStream stream = outcomes_.At(static_cast<uint64_t>(request.id), static_cast<uint64_t>(token),
                                  static_cast<uint64_t>(step));
  return stream.Uniform() < confidence ? 1 : DrawMissRank(stream);
}

int CalibratedDrafter::MedusaRank(const Request& request, int token, int head) const {
  RngStream stream = medusa_.At(static_cast<uint64_t>(request.id), static_cast<uint64_t>(token),
                                static_cast<uint64_t>(head));
  const double hit = medusa_hit_ * std::pow(config_.medusa_ratio, head - 1);
  return stream.Uniform() < hit ? 1 : DrawMissRank(stream);
}

int CalibratedDrafter::DrawMissRank(RngStream& stream) const {
  double left = stream.Uniform();
  for (size_t i = 0; i < config_.rank_curve.size(); ++i) {
    left -= config_.rank_curve[i];
    if (left < 0) return static_cast<int>(i) + 2;
  }
  return kNoRank;
}

}  // namespace hat
