// hat device: a device that answers a prompt with the help of a cloud.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "cli/answer_tally.h"
#include "cli/device_events.h"
#include "cli/live_verbs.h"
#include "cli/model_options.h"
#include "cli/prompt_options.h"
#include "core/error.h"
#include "core/files.h"
#include "core/strict_json.h"
#include "protocol/locked_observer.h"
#include "runtime/agent/device_program.h"
#include "runtime/model/compute.h"
#include "runtime/model/config.h"
#include "runtime/serve/live_link.h"
#include "runtime/serve/metrics/device_metrics.h"
#include "runtime/serve/metrics/metrics_server.h"

namespace hat {
namespace {

struct DeviceOptions : ModelOptions, PromptOptions {
  std::string cloud = "127.0.0.1:7077";
  std::string keys;
  double timeout_s = 60;
  double heartbeat_s = 5;
  int retries = 3;
  double reconnect_s = 30;
  int threads = 0;
  std::string metrics;
  bool json = false;
  bool is_in_lines = false;
};

void AddOptions(CommandLine& line, DeviceOptions& options) {
  line.description(
      "Continues a prompt as a device does: the first layers, the adapter and the head are here, "
      "the middle layers in the cloud. The tokens are those of 'hat generate'.");
  line.footer(
      "Example:\n"
      "  hat device --model models/small --keys keys/device-0 --cloud 127.0.0.1:7077 \\\n"
      "    --prompt 'In the beginning'");
  AddModelOptions(line, options, false);
  AddPromptOptions(line, options);
  line.add_option("--cloud", options.cloud, "its address and, unless 7077, port")
      ->transform(WithPort)
      ->capture_default_str();
  line.add_option("--keys", options.keys, "this device's folder of keys (hat keys init)")
      ->required();
  line.add_option("--timeout-s", options.timeout_s, "an answer of the cloud may take so long")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  line.add_option(
          "--heartbeat-s", options.heartbeat_s,
          "between two signs of life; the cloud is given up after three that it did not answer")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  line.add_option("--retries", options.retries,
                  "how often the answer goes on over another stream where one has ended")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000));
  line.add_option("--reconnect-s", options.reconnect_s, "for so long another stream is tried for")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  line.add_option("--threads", options.threads, "that compute (default: all cores)")
      ->check(CLI::Range(0, 1024));
  line.add_option("--metrics", options.metrics,
                  "address and port of GET /metrics, for Prometheus (default: none)");
  CLI::Option* json =
      line.add_flag("--json", options.json, "print one JSON object in place of the text");
  line.add_flag("--json-lines", options.is_in_lines,
                "print each event as a line of JSON: what was drafted, what was kept; without a "
                "prompt, read prompts from stdin, as {\"prompt\": \"TEXT\"}, one a line")
      ->excludes(json);
}

// Shows a request's tokens as they are out, and what it took.
class Watcher : public Observer {
 public:
  explicit Watcher(Screen* screen) : screen_(screen) {}
  void Watch(const DeviceProgram& program) { program_ = &program; }

  void OnArrival(const Request& request) override { tally_.arrival = request.arrival; }
  void OnTokens(int request, int count, Seconds at) override {
    const std::vector<int32_t> output = program_->OutputOf(request);
    tally_.AddTokens(count, at);
    if (screen_) screen_->Show(std::span(output).last(static_cast<size_t>(count)));
  }
  void OnRound(const RoundEvent& event) override { tally_.Add(event); }

  const AnswerTally& tally() const { return tally_; }

 private:
  Screen* screen_;
  const DeviceProgram* program_ = nullptr;
  AnswerTally tally_;
};

// A device, and one request after the other.
class Agent {
 public:
  Agent(const DeviceOptions& options, const ModelConfig& config, Observer& observer)
      : keys_(ReadDeviceKeys(options.keys)),
        served_(ServedOf(options, config)),
        metrics_({.labels = {{"model_name", ModelName(options)}}}, [this] { return Now(); }) {
    observers_.Add(&observer);
    if (!options.metrics.empty()) observers_.Add(&metrics_);
    program_.emplace(DeviceProgram::Setup{
        .world = world_,
        .served = served_,
        .keys = keys_,
        .cloud = options.cloud,
        .pace = as_it_lasts_,
        .observer = observer_,
        .max_sessions = 1,
        .answer_timeout = Seconds(options.timeout_s),
        .uplink = {.hidden = served_.agreement().hidden},
        .heartbeat_s = options.heartbeat_s,
        .retries = options.retries,
        .reconnect_s = options.reconnect_s,
        .prompt = [this](const Request&) { return prompt_; },
        .on_end =
            [this](const Request&, const SessionTokens& tokens, const SessionEnd& end) {
              answer_ = {tokens.output, end};
            }});
    if (options.metrics.empty()) return;
    told_.emplace(options.metrics, std::vector{metrics_.collectable()});
    SayLine(fmt::format("hat device: metrics on port {}", told_->port()));
  }

  struct Answered {
    std::vector<int32_t> output;
    SessionEnd end;
  };
  // `id`: 0, 1, ...
  Answered Ask(int id, const GenerationRequest& asked) {
    prompt_ = asked.prompt;
    Request request;
    request.id = id;
    request.arrival = world_.Now();
    request.prompt_tokens = static_cast<int>(asked.prompt.size());
    request.output_tokens = asked.max_new_tokens;
    program_->OnArrival(request);
    world_.Join();
    return std::move(answer_);
  }

  const DeviceProgram& program() const { return *program_; }

 private:
  static ServedOptions ServedOf(const DeviceOptions& options, const ModelConfig& config) {
    const SystemSpec system = SystemOf(options);
    return {.model = options.model,
            .plan = PlanOf(options, config),
            .system = system,
            .adapter = AdapterOf(options, system),
            .medusa = MedusaOf(options, system)};
  }
  static std::string ModelName(const DeviceOptions& options) {
    return std::filesystem::path(options.model).filename().string();
  }
  DeviceMetrics::Now Now() const {
    return {.is_connected = !program_->lost(), .heartbeat_age = program_->silence()};
  }

  DeviceKeys keys_;
  ServedDevice served_;
  ObserverList observers_;
  LockedObserver observer_{observers_};
  ConstantPace as_it_lasts_;
  std::vector<int32_t> prompt_;
  Answered answer_;
  ThreadWorld world_;
  DeviceMetrics metrics_;
  std::optional<DeviceProgram> program_;
  std::optional<MetricsServer> told_;
};

[[noreturn]] void Throw(const SessionEnd& end) {
  if (end.cause) std::rethrow_exception(end.cause);
  throw RunError(end.reason);
}

int AnswerOnce(const DeviceOptions& options, const ModelConfig& config,
               const std::optional<Tokenizer>& tokenizer) {
  const GenerationRequest asked = RequestOf(options, options.model, config, tokenizer);
  std::optional<Screen> screen;
  if (!options.json) screen.emplace(tokenizer, asked.prompt);
  Watcher watcher(screen ? &*screen : nullptr);
  Agent agent(options, config, watcher);
  watcher.Watch(agent.program());
  const auto start = std::chrono::steady_clock::now();
  const Agent::Answered answer = agent.Ask(0, asked);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  if (answer.end.outcome != Outcome::kCompleted) Throw(answer.end);
  if (screen) {
    screen->Finish();
    SayLine(watcher.tally().Summary());
  } else {
    PrintResult(fmt::format("{{\"prompt_ids\":[{}],\"output_ids\":[{}],\"seconds\":{}}}\n",
                            fmt::join(asked.prompt, ","), fmt::join(answer.output, ","),
                            elapsed.count()));
  }
  return 0;
}

// A line of stdin: {"prompt": "text"}, {"chat": "text"} or {"prompt_ids": "1,17,4"}, and
// "max_new_tokens".
PromptOptions PromptOf(const std::string& line, const DeviceOptions& options) {
  constexpr int64_t kMost = std::numeric_limits<int>::max();
  const nlohmann::json document = ParseJson(line, "stdin");
  const JsonNode node(document, "stdin");
  node.AllowOnly({"prompt", "chat", "prompt_ids", "max_new_tokens"});
  PromptOptions prompt;
  prompt.chat_template = options.chat_template;
  prompt.max_new_tokens = options.max_new_tokens;
  if (node.Has("prompt")) prompt.prompt = node.At("prompt").String();
  if (node.Has("chat")) prompt.chat = node.At("chat").String();
  if (node.Has("prompt_ids")) prompt.prompt_ids = node.At("prompt_ids").String();
  if (int{node.Has("prompt")} + int{node.Has("chat")} + int{node.Has("prompt_ids")} > 1) {
    node.Fail("has more than one of 'prompt', 'chat' and 'prompt_ids'");
  }
  if (node.Has("max_new_tokens")) {
    prompt.max_new_tokens = static_cast<int>(node.At("max_new_tokens").Integer(1, kMost));
  }
  return prompt;
}

// The prompt of the options, or one a line of stdin.
int AnswerInLines(const DeviceOptions& options, const ModelConfig& config,
                  const std::optional<Tokenizer>& tokenizer) {
  DeviceEvents events(tokenizer);
  Agent agent(options, config, events);
  events.Watch(agent.program());
  events.TellReady();
  const auto request_of = [&](const PromptOptions& prompt) {
    if (prompt.is_text() && !tokenizer) {
      throw InputError(fmt::format("{} has no tokenizer: give ids", options.model));
    }
    return RequestOf(prompt, options.model, config, tokenizer);
  };
  const auto answer = [&](int id, const GenerationRequest& asked) {
    events.Expect(id, asked.prompt);
    const Agent::Answered answered = agent.Ask(id, asked);
    events.TellEnd(id, answered.output, answered.end);
    if (answered.end.outcome != Outcome::kCompleted) Throw(answered.end);
  };
  if (options.is_given()) {
    answer(0, request_of(options));
    return 0;
  }
  int id = 0;
  for (std::string line; std::getline(std::cin, line); ++id) {
    std::optional<GenerationRequest> asked;
    try {
      asked = request_of(PromptOf(line, options));
    } catch (const InputError& error) {
      DeviceEvents::TellRefused(id, error.what());
    }
    if (asked) answer(id, *asked);
  }
  return 0;
}

int Answer(const DeviceOptions& options) {
  if (options.threads > 0) SetThreads(options.threads);
  const ModelConfig config = ReadModelConfig(options.model);
  const std::optional<Tokenizer> tokenizer = FindTokenizer(options, options.model, config);
  return options.is_in_lines ? AnswerInLines(options, config, tokenizer)
                             : AnswerOnce(options, config, tokenizer);
}

}  // namespace

int DeviceVerb(CommandLine& line) {
  DeviceOptions options;
  AddOptions(line, options);
  line.Parse();
  return Answer(options);
}

}  // namespace hat
