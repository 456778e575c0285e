// hat device: a device that answers a prompt with the help of a cloud.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <string>

#include "cli/live_verbs.h"
#include "cli/model_options.h"
#include "cli/prompt_options.h"
#include "core/error.h"
#include "core/files.h"
#include "protocol/locked_observer.h"
#include "runtime/agent/device_program.h"
#include "runtime/model/compute.h"
#include "runtime/model/config.h"
#include "runtime/serve/live_link.h"

namespace hat {
namespace {

struct Options : ModelOptions, PromptOptions {
  std::string cloud = "127.0.0.1:7077";
  std::string keys;
  double timeout_s = 60;
  double heartbeat_s = 5;
  int retries = 3;
  double reconnect_s = 30;
  int threads = 0;
  bool json = false;
};

void AddOptions(CommandLine& line, Options& options) {
  line.description(
      "Continues a prompt as a device does: the first layers, the adapter and the head are here, "
      "the middle layers in the cloud. The tokens are those of 'hat generate'.");
  line.footer(
      "Example:\n"
      "  hat device --model models/small --keys keys/device-0 --cloud 127.0.0.1:7077 \\\n"
      "    --prompt 'In the beginning'");
  AddModelOptions(line, options, false);
  AddPromptOptions(line, options);
  line.add_option("--cloud", options.cloud, "its address and port")->capture_default_str();
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
  line.add_flag("--json", options.json, "print one JSON object in place of the text");
}

// Shows a request's tokens as they are out, and what it took.
class Watcher : public Observer {
 public:
  explicit Watcher(Screen* screen) : screen_(screen) {}
  void Watch(const DeviceProgram& program) { program_ = &program; }

  void OnArrival(const Request& request) override { arrival_ = request.arrival; }
  void OnTokens(int request, int count, Seconds at) override {
    const std::vector<int32_t> output = program_->OutputOf(request);
    if (tokens_ == 0) first_ = at;
    last_ = at;
    tokens_ += count;
    if (screen_) screen_->Show(std::span(output).last(static_cast<size_t>(count)));
  }
  void OnRound(const RoundEvent& event) override {
    ++rounds_;
    drafted_ += event.drafted;
    accepted_ += event.accepted;
  }

  std::string Summary() const {
    std::string text =
        fmt::format("{} tokens, TTFT {:.1f} ms", tokens_, (first_ - arrival_).value() * 1e3);
    if (tokens_ > 1) {
      text += fmt::format(", TBT {:.1f} ms", (last_ - first_).value() * 1e3 / (tokens_ - 1));
    }
    if (rounds_ > 0) {
      text += fmt::format(", accept length {:.2f} ({} of {} drafted tokens accepted)",
                          double(tokens_ - 1) / rounds_, accepted_, drafted_);
    }
    return text;
  }

 private:
  Screen* screen_;
  const DeviceProgram* program_ = nullptr;
  Seconds arrival_, first_, last_;
  int tokens_ = 0, rounds_ = 0, drafted_ = 0, accepted_ = 0;
};

int Answer(const Options& options) {
  const DeviceKeys keys = ReadDeviceKeys(options.keys);
  if (options.threads > 0) SetThreads(options.threads);
  const ModelConfig config = ReadModelConfig(options.model);
  const std::optional<Tokenizer> tokenizer = FindTokenizer(options, options.model, config);
  const GenerationRequest asked = RequestOf(options, config, tokenizer);
  const SystemSpec system = SystemOf(options);
  const ServedDevice served({.model = options.model,
                             .plan = PlanOf(options, config),
                             .system = system,
                             .adapter = AdapterOf(options, system),
                             .medusa = MedusaOf(options, system)});
  std::optional<Screen> screen;
  if (!options.json) screen.emplace(tokenizer, asked.prompt);
  Watcher watcher(screen ? &*screen : nullptr);
  LockedObserver observer(watcher);
  ConstantPace as_it_lasts;
  std::vector<int32_t> output;
  SessionEnd ended;
  ThreadWorld world;
  DeviceProgram program(
      {.world = world,
       .served = served,
       .keys = keys,
       .cloud = options.cloud,
       .pace = as_it_lasts,
       .observer = observer,
       .max_sessions = 1,
       .answer_timeout = Seconds(options.timeout_s),
       .uplink = {.hidden = served.agreement().hidden},
       .heartbeat_s = options.heartbeat_s,
       .retries = options.retries,
       .reconnect_s = options.reconnect_s,
       .prompt = [&](const Request&) { return asked.prompt; },
       .on_end =
           [&](const Request&, const SessionTokens& tokens, const SessionEnd& end) {
             output = tokens.output;
             ended = end;
           }});
  watcher.Watch(program);
  Request request;
  request.arrival = world.Now();
  request.prompt_tokens = static_cast<int>(asked.prompt.size());
  request.output_tokens = asked.max_new_tokens;
  const auto start = std::chrono::steady_clock::now();
  program.OnArrival(request);
  world.Join();
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  program.Stop();
  if (ended.cause) std::rethrow_exception(ended.cause);
  if (ended.outcome != Outcome::kCompleted) throw RunError(ended.reason);
  if (screen) {
    screen->Finish();
    fmt::print(stderr, "{}\n", watcher.Summary());
  } else {
    PrintResult(fmt::format("{{\"prompt_ids\":[{}],\"output_ids\":[{}],\"seconds\":{}}}\n",
                            fmt::join(asked.prompt, ","), fmt::join(output, ","), elapsed.count()));
  }
  return 0;
}

}  // namespace

int DeviceVerb(CommandLine& line) {
  Options options;
  AddOptions(line, options);
  line.Parse();
  return Answer(options);
}

}  // namespace hat
