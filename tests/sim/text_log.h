// Every event of a run as a line of text, for golden tests and for comparing runs.
#pragma once

#include <string>

#include "protocol/observer.h"

namespace hat {

class TextLog : public Observer {
 public:
  void OnArrival(const Request& request) override;
  void OnStart(const Request& request, Seconds at) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnAdmitted(int request, int replica, Seconds at) override;
  void OnStage(const StageEvent& event) override;
  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;

  const std::string& text() const { return text_; }

 private:
  // One line: the time in ms to 1 ns, what, of which request, details.
  void Add(Seconds at, const char* what, int request, const std::string& details);

  std::string text_;
};

}  // namespace hat
