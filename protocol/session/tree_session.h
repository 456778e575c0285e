// u-medusa: each round verifies a tree that Medusa heads have filled.
#pragma once

#include <vector>

#include "protocol/session/split_session.h"

namespace hat {

class TreeSession : public SplitSession {
 public:
  using SplitSession::SplitSession;

 private:
  void OnFirst() override;
  bool RunRound() override;
  Frame TreeFrame(const Tree& tree, States states);

  std::vector<int32_t> kept_path_;  // of the previous round
};

}  // namespace hat
