// What a device does for each request, told on stdout as it happens: one JSON object a line.
// docs/live.md lists them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <nlohmann/json.hpp>

#include "cli/answer_tally.h"
#include "protocol/observer.h"
#include "runtime/agent/device_program.h"
#include "runtime/tokenizer/tokenizer.h"

namespace hat {

class DeviceEvents : public Observer {
 public:
  // Tokens have their text where there is a tokenizer, which outlives this.
  explicit DeviceEvents(const std::optional<Tokenizer>& tokenizer) : tokenizer_(tokenizer) {}
  // Before the first request.
  void Watch(const DeviceProgram& program) { program_ = &program; }

  void TellReady();
  // Before its arrival.
  void Expect(int request, const std::vector<int32_t>& prompt);

  void OnArrival(const Request& request) override;
  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  // A prompt that cannot be answered.
  static void TellRefused(int request, const std::string& reason);
  void TellEnd(int request, const std::vector<int32_t>& output, const SessionEnd& end);

 private:
  struct Answer {
    AnswerTally tally;
    std::optional<TextStream> text;
    bool is_round = false;  // whose tokens come next
  };
  static nlohmann::ordered_json Event(const char* name, int request);
  static nlohmann::ordered_json TokenJson(int32_t token, std::optional<TextStream>& text);

  const std::optional<Tokenizer>& tokenizer_;
  const DeviceProgram* program_ = nullptr;
  std::map<int, Answer> answers_;
};

}  // namespace hat
