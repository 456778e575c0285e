// hat cloud: a cloud that devices reach over a network.
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/live_verbs.h"
#include "cli/model_options.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "protocol/locked_observer.h"
#include "runtime/agent/cloud_program.h"
#include "runtime/model/compute.h"
#include "runtime/model/config.h"
#include "runtime/serve/metrics/cloud_metrics.h"
#include "runtime/serve/metrics/metrics_server.h"

namespace hat {
namespace {

struct CloudOptions : ModelOptions {
  std::string listen = "127.0.0.1:7077";
  std::string keys;
  int stages = 1;
  int token_budget = CloudConfig().token_budget;
  int64_t kv_tokens = 65'536;
  int max_sessions = 32;
  double idle_s = 300;
  double silence_s = 15;
  double grace_s = 30;
  int threads = 0;
  std::string metrics;
};

void AddOptions(CommandLine& line, CloudOptions& options) {
  line.description(
      "Serves the middle layers of a model to devices, over TLS: they send hidden states, never "
      "tokens, and it answers with hidden states, for many of them in one batch. Ends with Ctrl-C "
      "or SIGTERM, once the requests that run have ended; a second time at once.");
  line.footer(
      "Examples:\n"
      "  hat keys init --out keys --devices 2 --host cloud.example\n"
      "  hat cloud --model models/small --keys keys/cloud --listen 0.0.0.0:7077\n"
      "  hat device --model models/small --keys keys/device-0 --cloud cloud.example:7077 \\\n"
      "    --prompt 'In the beginning'");
  AddModelOptions(line, options, false);
  line.add_option("--listen", options.listen, "address and port; port 0: one that is free")
      ->capture_default_str();
  line.add_option("--keys", options.keys, "the cloud's folder of keys (hat keys init)")->required();
  line.add_option("--stages", options.stages, "of the pipeline; the layers are split evenly")
      ->capture_default_str();
  line.add_option("--token-budget", options.token_budget, "new tokens per batch")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  line.add_option("--kv-tokens", options.kv_tokens,
                  "that all sessions together may hold; more wait for admission")
      ->capture_default_str()
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  line.add_option("--max-sessions", options.max_sessions, "that a device may have open")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  line.add_option("--idle-s", options.idle_s, "ends a session that nothing came from for so long")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  line.add_option("--silence-s", options.silence_s,
                  "ends the stream of a device from which nothing came for so long; three times a "
                  "device's --heartbeat-s or more")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  line.add_option("--grace-s", options.grace_s, "for sessions to end after SIGTERM")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  line.add_option("--threads", options.threads, "that compute (default: all cores)")
      ->check(CLI::Range(0, 1024));
  line.add_option("--metrics", options.metrics,
                  "address and port of GET /metrics, for Prometheus (default: none)");
}

void Say(const std::string& line) { SayLine("hat cloud: " + line); }

CloudMetrics::Options MetricsOf(const CloudOptions& options) {
  return {.labels = {{"model_name", std::filesystem::path(options.model).filename().string()}},
          .replicas = 1,
          .stages = options.stages,
          .kv_capacity_tokens = options.kv_tokens};
}

CloudMetrics::Now NowOf(CloudProgram& program) {
  CloudMetrics::Now now{.load = program.service().load(), .devices = {}};
  for (const WireServer::Peer& peer : program.service().devices()) {
    now.devices.push_back({peer.device.name, peer.silence});
  }
  return now;
}

int Serve(const CloudOptions& options) {
  CatchInterrupts();
  const CloudKeys keys = ReadCloudKeys(options.keys);
  if (options.threads > 0) SetThreads(options.threads);
  const ModelConfig config = ReadModelConfig(options.model);
  const ServedCloud served({.model = options.model,
                            .plan = PlanOf(options, config),
                            .system = SystemOf(options),
                            .stages = options.stages});
  ThreadWorld world;
  CloudProgram* running = nullptr;  // once it is
  CloudMetrics metrics(MetricsOf(options), [&running] { return NowOf(*running); });
  LockedObserver observer(metrics);
  ConstantPace as_it_lasts;
  CloudProgram program({.world = world,
                        .served = served,
                        .keys = keys,
                        .listen = options.listen,
                        .config = {.replicas = 1,
                                   .stages = options.stages,
                                   .token_budget = options.token_budget,
                                   .kv_tokens = options.kv_tokens,
                                   .idle_timeout = Seconds(options.idle_s)},
                        .paces = {&as_it_lasts},
                        .observer = observer,
                        .max_sessions = options.max_sessions,
                        .silence_s = options.silence_s,
                        .session_positions = served.config().max_positions,
                        .downlink = [&](int) { return PlainLink(served.agreement()); },
                        .log = Say});
  running = &program;
  std::optional<MetricsServer> told;
  if (!options.metrics.empty()) {
    told.emplace(options.metrics, std::vector{metrics.collectable()});
    PrintResult(fmt::format("metrics on port {}\n", told->port()));
  }
  PrintResult(fmt::format("listening on port {}\n", program.service().port()));
  while (!IsInterrupted()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  Say("ends once its sessions have");
  program.Stop(Seconds(options.grace_s));
  return 0;
}

}  // namespace

int CloudVerb(CommandLine& line) {
  CloudOptions options;
  AddOptions(line, options);
  line.Parse();
  return Serve(options);
}

}  // namespace hat
