// The calibrated drafter: confidence c drawn from a Beta distribution, the proposal right with
// probability c. The distribution's mean is solved so that a reference drafting policy reaches a
// given accept length (tokens per round, over rounds that the request's end does not cut). A
// proposal is sent if c >= threshold; with q = E[c; c >= threshold] a round of at most D proposals
// yields 1 + q + q^2 + ... + q^D tokens. Worked number: threshold 0 gives q = mean; an accept
// length of 1.75 with D = 2 needs q + q^2 = 0.75, mean 0.5.
//
// Requests may differ: with a request_correlation r > 0 each has a mean of its own, drawn from a
// Beta distribution with a + b = (concentration + 1) / r - 1, and confidences around it with a + b
// = concentration / (1 - r). Then all confidences have the mean and the variance that they have
// with r = 0, and two of one request correlate by r. Tokens over rounds of equally long answers are
// the harmonic mean of the requests' accept lengths.
//
// Medusa heads: head j's likeliest token is right with probability p r^(j-1), independently; p is
// solved for the accept length 1 + sum over the nodes of the tree of the probability that the whole
// path to the node is the target's.
#pragma once

#include <vector>

#include "core/random.h"
#include "experiments/scenario/scenario.h"
#include "protocol/tree.h"
#include "sim/draft_source.h"

namespace hat {

class CalibratedDrafter : public DraftSource {
 public:
  // Throws InputError if no mean (no p) reaches the accept length: names the largest that can be
  // reached. Also for a reference policy other than "threshold" and "fixed".
  CalibratedDrafter(const AcceptanceConfig& config, uint64_t seed);

  float Confidence(const Request& request, int token, int step) const override;
  int Rank(const Request& request, int token, int step, float confidence) const override;
  int MedusaRank(const Request& request, int token, int head) const override;

  double mean_confidence() const { return mean_; }
  double medusa_hit() const { return medusa_hit_; }  // p

 private:
  int DrawMissRank(RngStream& stream) const;  // 2, 3, ...: the rank curve; beyond it kNoRank
  double MeanOf(const Request& request) const;

  AcceptanceConfig config_;
  RngStream confidences_, outcomes_, medusa_, requests_;
  double mean_ = 0;
  double medusa_hit_ = 0;
};

inline constexpr int kNoRank = 1 << 20;  // beyond every rank that the curve knows

// Tokens per round of the reference policy with this mean confidence.
double ExpectedAcceptLength(const AcceptanceConfig& config, double mean);

// Tokens per round of a tree whose head j offers the rank-i token of probability (rank 1: p
// r^(j-1); rank i >= 2: (1 - p r^(j-1)) x curve[i - 2]).
double ExpectedTreeLength(const AcceptanceConfig& config, const Tree& tree, double p);

}  // namespace hat
