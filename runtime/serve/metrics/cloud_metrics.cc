#include "runtime/serve/metrics/cloud_metrics.h"

#include <fmt/format.h>

#include <utility>

#include "core/error.h"
#include "runtime/serve/metrics/instruments.h"
#include "runtime/serve/metrics/traffic.h"

namespace hat {
namespace {

prometheus::MetricFamily Heartbeats(const prometheus::Labels& labels,
                                    const std::vector<CloudMetrics::Device>& devices) {
  prometheus::MetricFamily family;
  family.name = "hat:heartbeat_age_seconds";
  family.help = "Time since a connected device was last heard of.";
  family.type = prometheus::MetricType::Gauge;
  for (const CloudMetrics::Device& device : devices) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : labels) metric.label.push_back({name, value});
    metric.label.push_back({"device", device.name});
    metric.gauge.value = device.heartbeat_age.value();
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace

struct CloudMetrics::State {
  struct Replica {
    prometheus::Histogram& batch_tokens;
    prometheus::Histogram& batch_sequences;
    std::vector<prometheus::Histogram*> stage_seconds;
    std::vector<prometheus::Counter*> failed_batches;
  };

  State(const Options& options, std::function<Now()> look_now)
      : capacity(options.kv_capacity_tokens), look(std::move(look_now)), make(options.labels) {
    for (int i = 0; i < options.replicas; ++i) AddReplica(i, options.stages);
  }

  void AddReplica(int index, int stages) {
    const MetricLabels engine = {{"engine", std::to_string(index)}};
    Replica replica{
        make.Histogram("vllm:iteration_tokens_total", "Tokens of a batch.", bounds::kBatchTokens,
                       engine),
        make.Histogram("hat:batch_sequences", "Sequences of a batch.", bounds::kSequences, engine),
        {},
        {}};
    for (int stage = 0; stage < stages; ++stage) {
      MetricLabels labels = engine;
      labels["stage"] = std::to_string(stage);
      replica.stage_seconds.push_back(&make.Histogram(
          "hat:stage_seconds", "Time of a batch on a pipeline stage.", bounds::kOperation, labels));
      replica.failed_batches.push_back(
          &make.Counter("hat:failed_batches_total",
                        "Batches whose sessions ended since a stage failed.", labels));
    }
    replicas.push_back(std::move(replica));
  }

  const Replica& Of(const Batch& batch) const {
    HAT_CHECK(batch.replica >= 0 && static_cast<size_t>(batch.replica) < replicas.size());
    return replicas[static_cast<size_t>(batch.replica)];
  }

  AtScrape::Families Collect() {
    const Now now = look();
    const CloudServer::Load& load = now.load;
    running.Set(static_cast<double>(load.sessions - load.waiting_for_admission));
    waiting.Set(static_cast<double>(load.waiting_for_admission));
    queued_frames.Set(static_cast<double>(load.queued_frames));
    kv_tokens.Set(static_cast<double>(load.kv_tokens));
    if (capacity > 0) {
      kv_usage.Set(static_cast<double>(load.kv_tokens) / static_cast<double>(capacity));
    }
    devices.Set(static_cast<double>(now.devices.size()));
    AtScrape::Families families = make.Collect();
    families.push_back(Heartbeats(make.labels(), now.devices));
    return families;
  }

  const int64_t capacity;
  const std::function<Now()> look;
  Instruments make;
  prometheus::Gauge& running =
      make.Gauge("vllm:num_requests_running", "Sessions that have been admitted.");
  prometheus::Gauge& waiting =
      make.Gauge("vllm:num_requests_waiting", "Sessions that wait for room in the KV cache.");
  prometheus::Gauge& kv_usage = make.Gauge(
      "vllm:kv_cache_usage_perc", "Share of the KV cache that sessions hold; 1 is all of it.");
  prometheus::Gauge& kv_tokens = make.Gauge("hat:kv_cache_tokens", "Tokens that sessions hold.");
  prometheus::Gauge& queued_frames =
      make.Gauge("hat:queued_frames", "Frames that wait for the first stage.");
  prometheus::Gauge& devices = make.Gauge("hat:devices_connected", "Devices with a stream.");
  prometheus::Counter& prompt_tokens =
      make.Counter("vllm:prompt_tokens_total", "Prompt tokens that have entered a batch.");
  prometheus::Counter& verified_tokens = make.Counter(
      "hat:verified_tokens_total", "Tokens after the prompt that have entered a batch.");
  prometheus::Counter& admitted =
      make.Counter("hat:admitted_sessions_total", "Sessions that got room in the KV cache.");
  prometheus::Counter& refused =
      make.Counter("hat:refused_frames_total", "Frames that the front door did not let in.");
  Traffic traffic{make};
  std::vector<Replica> replicas;
};

CloudMetrics::CloudMetrics(const Options& options, std::function<Now()> look)
    : state_(std::make_shared<State>(options, std::move(look))),
      collectable_(std::make_shared<AtScrape>([state = state_] { return state->Collect(); })) {}

CloudMetrics::~CloudMetrics() = default;

std::shared_ptr<prometheus::Collectable> CloudMetrics::collectable() const { return collectable_; }

void CloudMetrics::OnFrame(const FrameEvent& event) { state_->traffic.Count(event); }

void CloudMetrics::OnAdmitted(int, int, Seconds) { state_->admitted.Increment(); }

void CloudMetrics::OnStage(const StageEvent& event) {
  const Batch& batch = *event.batch;
  const State::Replica& replica = state_->Of(batch);
  replica.stage_seconds.at(static_cast<size_t>(event.stage))
      ->Observe((event.span.end - event.span.start).value());
  if (event.stage != 0) return;
  replica.batch_tokens.Observe(batch.tokens);
  replica.batch_sequences.Observe(static_cast<double>(batch.parts.size()));
  for (const BatchPart& part : batch.parts) {
    const bool is_verified = part.kind == FrameKind::kVerify;
    (is_verified ? state_->verified_tokens : state_->prompt_tokens).Increment(part.tokens);
  }
}

void CloudMetrics::OnStageFailed(const Batch& batch, int stage, const Span&) {
  state_->Of(batch).failed_batches.at(static_cast<size_t>(stage))->Increment();
}

void CloudMetrics::OnRefused(int, const FrameHeader&, std::string_view, Seconds) {
  state_->refused.Increment();
}

}  // namespace hat
