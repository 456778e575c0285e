#include "cli/demo_party.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cli/chat_prompt.h"
#include "core/child_processes.h"
#include "core/error.h"
#include "core/interrupt.h"
#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/testbed/read_metrics.h"

namespace hat {
namespace {

constexpr double kStart_s = 120;
constexpr char kHost[] = "127.0.0.1";

std::string TextOf(const nlohmann::json& token) {
  const auto text = token.find("text");
  if (text != token.end()) return text->get<std::string>();
  return fmt::format("{} ", token.at("id").get<int>());
}

// A round that is over, or the first token, which has none.
DemoRound RoundOf(const nlohmann::json& event) {
  DemoRound round;
  size_t kept = 0;
  if (event.contains("proposals")) {
    for (const nlohmann::json& proposal : event.at("proposals")) {
      const bool is_kept = proposal.at("kept");
      round.drafted.push_back({is_kept ? TextKind::kKept : TextKind::kDropped, TextOf(proposal)});
      if (is_kept) ++kept;
    }
  }
  const nlohmann::json& tokens = event.at("tokens");
  for (size_t i = 0; i < tokens.size(); ++i) {
    round.finished.push_back({i < kept ? TextKind::kKept : TextKind::kTarget, TextOf(tokens[i])});
  }
  return round;
}

void Take(const nlohmann::json& event, DemoAnswer& answer) {
  const std::string kind = event.at("event");
  if (kind == "first" || kind == "round") {
    answer.rounds.push_back(RoundOf(event));
    answer.tokens += static_cast<int>(answer.rounds.back().finished.size());
  } else if (kind == "refused") {
    answer.has_ended = true;
    answer.problem = event.at("reason");
  } else if (kind == "end") {
    const auto number = [&event](const char* key) {
      return event.at(key).is_null() ? 0.0 : event.at(key).get<double>();
    };
    answer.has_ended = true;
    answer.problem = event.value("reason", "");
    answer.ttft_ms = number("ttft_ms");
    answer.tbt_ms = number("tbt_ms");
    answer.accept_length = number("accept_length");
    answer.rounds_done = event.at("rounds");
    answer.drafted = event.at("drafted");
    answer.accepted = event.at("accepted");
    const std::string rest = event.value("rest", "");
    if (!rest.empty()) answer.rounds.push_back({{}, {{TextKind::kTarget, rest}}});
  }
}

}  // namespace

// All of them load at once.
DemoParty::DemoParty(const DemoOptions& options, int devices)
    : scratch_("hat-demo"),
      max_new_tokens_(options.max_new_tokens),
      ask_as_(HasChatTemplate(options.model) ? "chat" : "prompt") {
  MakeKeys(scratch_ / "keys", {.devices = NumberedDevices(devices), .hosts = {kHost}, .days = 1});
  const std::string program = ProgramFolder() + "/hat-live";
  const std::string any_port = fmt::format("{}:0", kHost);
  cloud_ = std::make_unique<TalkingChild>(
      "the cloud", std::vector<std::string>{
                       program, "cloud", "--model=" + options.model, "--system=" + options.system,
                       "--keys=" + (scratch_ / "keys/cloud"), "--listen=" + any_port,
                       "--metrics=" + any_port, "--threads=1", "--grace-s=0"});
  metrics_port_ = std::stoi(Await(*cloud_, "metrics on port "));
  const std::string port = Await(*cloud_, "listening on port ");
  for (int d = 0; d < devices; ++d) {
    const std::string name = fmt::format("device-{}", d);
    devices_.push_back(std::make_unique<TalkingChild>(
        name, std::vector<std::string>{
                  program, "device", "--model=" + options.model, "--system=" + options.system,
                  "--keys=" + (scratch_ / ("keys/" + name)),
                  fmt::format("--cloud={}:{}", kHost, port), "--threads=1", "--json-lines"}));
  }
  for (const auto& device : devices_) Await(*device, R"({"event":"ready")");
}

DemoParty::~DemoParty() {
  for (const auto& device : devices_) device->Terminate();
  cloud_->Terminate();
}

std::string DemoParty::Await(TalkingChild& child, const std::string& start) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::duration<double>(kStart_s);
  while (Clock::now() < deadline) {
    if (IsInterrupted()) throw RunError("interrupted");
    std::optional<std::string> line = child.TryHear();
    if (!line && child.has_ended()) line = child.Hear(1);  // throws, with the reason
    if (line && line->starts_with(start)) return line->substr(start.size());
    if (!line) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  throw RunError(fmt::format("{} is not there after {:g} s", child.name(), kStart_s));
}

CloudCounts DemoParty::Counts() const {
  const std::map<std::string, double> sums = ReadMetrics(kHost, metrics_port_);
  const auto sum = [&sums](const std::string& name) {
    const auto found = sums.find(name);
    return found == sums.end() ? 0.0 : found->second;
  };
  return {.batches = sum("vllm:iteration_tokens_total_count"),
          .tokens = sum("vllm:iteration_tokens_total_sum"),
          .sequences = sum("hat:batch_sequences_sum")};
}

void DemoParty::Ask(int device, const std::string& prompt) {
  const nlohmann::json asked = {{ask_as_, prompt}, {"max_new_tokens", max_new_tokens_}};
  devices_[static_cast<size_t>(device)]->Say(asked.dump());
}

void DemoParty::Hear(int device, DemoAnswer& answer) {
  TalkingChild& child = *devices_[static_cast<size_t>(device)];
  std::optional<std::string> line = child.TryHear();
  if (!line && child.has_ended()) line = child.Hear(1);  // throws, with the reason
  for (; line; line = child.TryHear()) Take(nlohmann::json::parse(*line), answer);
}

}  // namespace hat
