#include "runtime/serve/metrics/device_metrics.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "runtime/serve/metrics/instruments.h"
#include "runtime/serve/metrics/traffic.h"

namespace hat {
namespace {

constexpr int kMaxPosition = 16;  // of a draft, in acceptance by position; further ones count there

constexpr std::array kOps = {DeviceOp::kInput,  DeviceOp::kAdapter, DeviceOp::kHead,
                             DeviceOp::kMedusa, DeviceOp::kDraft,   DeviceOp::kDraftAhead};

}  // namespace

struct DeviceMetrics::State {
  // A request that has not ended.
  struct Progress {
    Request request;
    bool has_started = false;
    int tokens = 0;
    Seconds first = {}, last = {};  // when tokens were out
  };

  State(const Options& options, std::function<Now()> look_now)
      : look(std::move(look_now)), make(options.labels) {
    for (const DeviceOp op : kOps) {
      op_seconds.push_back(&make.Histogram("hat:device_op_seconds", "Time of an operation.",
                                           bounds::kOperation, {{"op", std::string(Name(op))}}));
    }
    for (int position = 0; position < kMaxPosition; ++position) {
      accepted_at.push_back(&make.Counter("vllm:spec_decode_num_accepted_tokens_per_pos_total",
                                          "Proposals that were kept, by their position in a draft.",
                                          {{"position", std::to_string(position)}}));
    }
  }

  prometheus::Counter& Ended(const std::string& reason) {
    return make.Counter("vllm:request_success_total",
                        "Requests that ended with all that was asked for, or cancelled.",
                        {{"finished_reason", reason}});
  }

  AtScrape::Families Collect() {
    const Now now = look();
    connected.Set(now.is_connected ? 1 : 0);
    heartbeat_age.Set(now.heartbeat_age.value());
    const std::lock_guard lock(mutex);
    const auto started =
        std::ranges::count_if(requests, [](const auto& entry) { return entry.second.has_started; });
    running.Set(static_cast<double>(started));
    waiting.Set(static_cast<double>(requests.size()) - static_cast<double>(started));
    return make.Collect();
  }

  void ObserveCompleted(const Progress& ended) {
    (ended.tokens < ended.request.output_tokens ? stopped : at_length).Increment();
    e2e.Observe((ended.last - ended.request.arrival).value());
    request_prompt.Observe(ended.request.prompt_tokens);
    request_output.Observe(ended.tokens);
    if (ended.tokens > 1) {
      per_token.Observe((ended.last - ended.first).value() / (ended.tokens - 1));
    }
  }

  const std::function<Now()> look;
  Instruments make;
  prometheus::Gauge& running =
      make.Gauge("vllm:num_requests_running", "Requests that a session has taken.");
  prometheus::Gauge& waiting =
      make.Gauge("vllm:num_requests_waiting", "Requests that wait for a session of the device.");
  prometheus::Gauge& connected = make.Gauge("hat:connected", "1 while there is a stream.");
  prometheus::Gauge& heartbeat_age =
      make.Gauge("hat:heartbeat_age_seconds", "Time since the cloud was last heard of.");
  prometheus::Histogram& ttft =
      make.Histogram("vllm:time_to_first_token_seconds", "First token - arrival at the device.",
                     bounds::kFirstToken);
  prometheus::Histogram& gap = make.Histogram(
      "vllm:inter_token_latency_seconds", "Time between deliveries of tokens.", bounds::kNextToken);
  prometheus::Histogram& per_token =
      make.Histogram("vllm:request_time_per_output_token_seconds",
                     "(Last token - first) / (tokens - 1) of a request.", bounds::kNextToken);
  prometheus::Histogram& e2e =
      make.Histogram("vllm:e2e_request_latency_seconds", "Last token - arrival.", bounds::kRequest);
  prometheus::Histogram& queue_time =
      make.Histogram("vllm:request_queue_time_seconds",
                     "Time from arrival until a session took the request.", bounds::kRequest);
  prometheus::Histogram& request_prompt =
      make.Histogram("vllm:request_prompt_tokens", "Prompt tokens of a request.", bounds::kTokens);
  prometheus::Histogram& request_output = make.Histogram(
      "vllm:request_generation_tokens", "Output tokens of a request.", bounds::kTokens);
  prometheus::Counter& prompt_tokens =
      make.Counter("vllm:prompt_tokens_total", "Prompt tokens of requests with a first token.");
  prometheus::Counter& output_tokens =
      make.Counter("vllm:generation_tokens_total", "Tokens that are out.");
  prometheus::Counter& drafts =
      make.Counter("vllm:spec_decode_num_drafts_total", "Rounds with a draft.");
  prometheus::Counter& drafted =
      make.Counter("vllm:spec_decode_num_draft_tokens_total", "Proposals.");
  prometheus::Counter& accepted =
      make.Counter("vllm:spec_decode_num_accepted_tokens_total", "Proposals that were kept.");
  prometheus::Counter& ahead =
      make.Counter("hat:ahead_steps_total", "Steps drafted ahead while a round was verified.");
  prometheus::Counter& wasted =
      make.Counter("hat:wasted_ahead_steps_total", "Of these, thrown away.");
  prometheus::Counter& failed = make.Counter("hat:failed_requests_total", "Requests that failed.");
  prometheus::Counter& at_length = Ended("length");
  prometheus::Counter& stopped = Ended("stop");
  prometheus::Counter& cancelled = Ended("abort");
  Traffic traffic{make};
  std::vector<prometheus::Histogram*> op_seconds;  // in the order of kOps
  std::vector<prometheus::Counter*> accepted_at;

  std::mutex mutex;
  std::unordered_map<int, Progress> requests;
};

DeviceMetrics::DeviceMetrics(const Options& options, std::function<Now()> look)
    : state_(std::make_shared<State>(options, std::move(look))),
      collectable_(std::make_shared<AtScrape>([state = state_] { return state->Collect(); })) {}

DeviceMetrics::~DeviceMetrics() = default;

std::shared_ptr<prometheus::Collectable> DeviceMetrics::collectable() const { return collectable_; }

void DeviceMetrics::OnArrival(const Request& request) {
  const std::lock_guard lock(state_->mutex);
  state_->requests[request.id] = State::Progress{.request = request};
}

void DeviceMetrics::OnStart(const Request& request, Seconds at) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->requests.find(request.id);
  if (found == state_->requests.end()) return;
  found->second.has_started = true;
  state_->queue_time.Observe((at - request.arrival).value());
}

void DeviceMetrics::OnDeviceOp(const DeviceOpEvent& event) {
  const auto op = std::ranges::find(kOps, event.op) - kOps.begin();
  state_->op_seconds.at(static_cast<size_t>(op))
      ->Observe((event.span.end - event.span.start).value());
}

void DeviceMetrics::OnFrame(const FrameEvent& event) { state_->traffic.Count(event); }

void DeviceMetrics::OnRound(const RoundEvent& event) {
  state_->ahead.Increment(event.ahead_steps);
  state_->wasted.Increment(event.wasted_steps);
  if (event.drafted == 0) return;
  state_->drafts.Increment();
  state_->drafted.Increment(event.drafted);
  state_->accepted.Increment(event.accepted);
  for (int position = 0; position < event.accepted; ++position) {
    state_->accepted_at[static_cast<size_t>(std::min(position, kMaxPosition - 1))]->Increment();
  }
}

void DeviceMetrics::OnTokens(int request, int count, Seconds at) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->requests.find(request);
  if (found == state_->requests.end()) return;
  State::Progress& progress = found->second;
  state_->output_tokens.Increment(count);
  if (progress.tokens == 0) {
    progress.first = at;
    state_->ttft.Observe((at - progress.request.arrival).value());
    state_->prompt_tokens.Increment(progress.request.prompt_tokens);
  } else {
    state_->gap.Observe((at - progress.last).value());
  }
  progress.last = at;
  progress.tokens += count;
}

void DeviceMetrics::OnEnd(int request, Outcome outcome, Seconds) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->requests.find(request);
  if (found == state_->requests.end()) return;
  const State::Progress ended = found->second;
  state_->requests.erase(found);
  switch (outcome) {
    case Outcome::kCompleted:
      return state_->ObserveCompleted(ended);
    case Outcome::kFailed:
      return state_->failed.Increment();
    case Outcome::kCancelled:
      return state_->cancelled.Increment();
  }
}

}  // namespace hat
