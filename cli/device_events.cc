#include "cli/device_events.h"

#include <span>
#include <utility>

#include "core/files.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

// Text of a model may end in half a character.
void Tell(const Json& event) {
  PrintResult(event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json OrNull(std::optional<double> value) { return value ? Json(*value) : Json(nullptr); }

const char* Word(Outcome outcome) {
  if (outcome == Outcome::kCompleted) return "completed";
  return outcome == Outcome::kFailed ? "failed" : "cancelled";
}

}  // namespace

Json DeviceEvents::Event(const char* name, int request) {
  return {{"event", name}, {"request", request}};
}

Json DeviceEvents::TokenJson(int32_t token, std::optional<TextStream>& text) {
  Json json = {{"id", token}};
  if (text) json["text"] = text->Add(token);
  return json;
}

void DeviceEvents::TellReady() { Tell({{"event", "ready"}}); }

void DeviceEvents::Expect(int request, const std::vector<int32_t>& prompt) {
  Answer& answer = answers_[request];
  if (tokenizer_) answer.text.emplace(*tokenizer_, prompt);
  Json event = Event("prompt", request);
  event["ids"] = prompt;
  Tell(event);
}

void DeviceEvents::OnArrival(const Request& request) {
  answers_.at(request.id).tally.arrival = request.arrival;
}

void DeviceEvents::OnRound(const RoundEvent& event) {
  Answer& answer = answers_.at(event.request);
  answer.tally.Add(event);
  answer.is_round = true;
}

// The last of a round's tokens is the target's own.
void DeviceEvents::OnTokens(int request, int count, Seconds at) {
  Answer& answer = answers_.at(request);
  answer.tally.AddTokens(count, at);
  const std::vector<int32_t> output = program_->OutputOf(request);
  const bool is_round = std::exchange(answer.is_round, false);
  Json event = Event(is_round ? "round" : "first", request);
  event["at_ms"] = (at - answer.tally.arrival).value() * 1e3;
  if (is_round) {
    event["proposals"] = Json::array();
    std::optional<TextStream> drafted = answer.text;
    for (const Proposal& proposal : program_->ProposalsOf(request)) {
      Json json = TokenJson(proposal.token, drafted);
      json["kept"] = proposal.is_kept;
      event["proposals"].push_back(std::move(json));
    }
  }
  Json tokens = Json::array();
  for (const int32_t token : std::span(output).last(static_cast<size_t>(count))) {
    tokens.push_back(TokenJson(token, answer.text));
  }
  event["tokens"] = std::move(tokens);
  Tell(event);
}

void DeviceEvents::TellEnd(int request, const std::vector<int32_t>& output, const SessionEnd& end) {
  Answer& answer = answers_.at(request);
  const AnswerTally& tally = answer.tally;
  Json event = Event("end", request);
  event["outcome"] = Word(end.outcome);
  if (!end.reason.empty()) event["reason"] = end.reason;
  event["ttft_ms"] = tally.tokens > 0 ? Json(tally.ttft_ms()) : Json(nullptr);
  event["tbt_ms"] = OrNull(tally.tbt_ms());
  event["accept_length"] = OrNull(tally.accept_length());
  event["rounds"] = tally.rounds;
  event["drafted"] = tally.drafted;
  event["accepted"] = tally.accepted;
  if (answer.text) event["rest"] = answer.text->Finish();
  event["output_ids"] = output;
  Tell(event);
  answers_.erase(request);
}

}  // namespace hat
