// How 'hat demo' shows answers that grow: on a terminal side by side, redrawn in place; elsewhere
// as plain lines.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/answer_pane.h"
#include "cli/demo_party.h"

namespace hat {

// One device's.
struct ShownAnswer {
  std::string name;
  std::vector<TextPiece> pieces;  // the prompt, and what is finished
  std::vector<TextPiece> newest;  // the round that is shown now: proposed, or kept and dropped
  const DemoAnswer* answer = nullptr;
  bool is_done = false;  // all rounds are shown
};

class DemoView {
 public:
  virtual ~DemoView() = default;
  // A device's round is shown; elsewhere than on a terminal this is a line.
  virtual void ShowRound(const ShownAnswer& shown, const DemoRound& round) = 0;
  virtual void Draw(const std::vector<ShownAnswer>& shown, const std::string& cloud) = 0;
  // The last state, which stays.
  virtual void Finish(const std::vector<ShownAnswer>& shown, const std::string& cloud) = 0;
};

// Does stdout understand colours, and does the user want them (NO_COLOR, TERM=dumb)?
bool HasColours();

std::unique_ptr<DemoView> MakeTerminalView();
std::unique_ptr<DemoView> MakePlainView();

}  // namespace hat
