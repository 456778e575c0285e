// Small profiles made in memory.
#pragma once

#include "profiles/profile_file.h"

namespace hat {

inline LatencyGrid::Point At(int tokens, int context, std::vector<double> samples_us) {
  return {tokens, context, std::move(samples_us), {}};
}

inline ProfileInfo SampleInfo(Role role) {
  ProfileInfo info;
  info.id = "sample_" + Name(role);
  info.role = role;
  info.provenance = Provenance::kMeasured;
  info.hardware = "bench";
  info.model = LikeLayers("tiny", 64, 4, {8, 2, 8, 96}, 100, false);
  info.dtype = Dtype::kFloat32;
  info.source = "a \"quoted\" source";
  info.memory = Bytes(1 << 30);
  return info;
}

// embedding 1 us; layer 10 us + 1 us per token + 0.1 us per position of context; head 5 us; adapter
// 4 us.
inline ProfileData SampleDevice() {
  ProfileData data;
  data.info = SampleInfo(Role::kDevice);
  data.operations[Operation::kEmbedding] = {At(1, 0, {1}), At(100, 0, {1})};
  data.operations[Operation::kLayer] = {At(1, 0, {11}), At(1, 100, {21}), At(100, 0, {110}),
                                        At(100, 100, {120})};
  data.operations[Operation::kHead] = {At(1, 0, {5}), At(100, 0, {5})};
  data.operations[Operation::kAdapter] = {At(1, 0, {4}), At(1, 100, {4}), At(50, 0, {4}),
                                          At(50, 100, {4})};
  return data;
}

// linear 100 us + 1 us per token, with a spread of +-10% at 1 token; a0 3 us; attention 2 us per
// token.
inline ProfileData SampleCloud() {
  ProfileData data;
  data.info = SampleInfo(Role::kCloud);
  data.operations[Operation::kLinear] = {At(1, 0, {90.9, 101, 111.1}), At(101, 0, {201})};
  data.operations[Operation::kAttentionBase] = {At(1, 0, {3})};
  data.operations[Operation::kAttention] = {At(1, 0, {2}), At(1, 500, {2}), At(51, 0, {102}),
                                            At(51, 500, {102})};
  return data;
}

}  // namespace hat
