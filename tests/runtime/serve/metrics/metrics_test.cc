// What an observer is told is what Prometheus reads.
#include <gmock/gmock.h>

#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/files.h"
#include "runtime/serve/metrics/cloud_metrics.h"
#include "runtime/serve/metrics/device_metrics.h"
#include "runtime/serve/metrics/metrics_server.h"
#include "tests/runtime/serve/metrics/scrape.h"

namespace hat {
namespace {

FrameEvent Sent(Direction direction, double bytes) {
  FrameEvent frame;
  frame.direction = direction;
  frame.size = Bytes(bytes);
  return frame;
}

// It arrives at 0.
Request Asked(int id, int prompt_tokens, int output_tokens) {
  Request request;
  request.id = id;
  request.prompt_tokens = prompt_tokens;
  request.output_tokens = output_tokens;
  return request;
}

RoundEvent Round(int drafted, int accepted, int ahead_steps = 0, int wasted_steps = 0) {
  RoundEvent round;
  round.drafted = drafted;
  round.accepted = accepted;
  round.ahead_steps = ahead_steps;
  round.wasted_steps = wasted_steps;
  return round;
}

Span Lasting(double start, double seconds) {
  return {Seconds(start), Seconds(start), Seconds(start + seconds)};
}

double ValueIn(const std::map<std::string, double>& seen, const std::string& name) {
  const auto found = seen.find(name);
  EXPECT_NE(found, seen.end()) << name;
  return found == seen.end() ? -1 : found->second;
}

// What a process holds at the moment, for the server's thread.
template <typename T>
class Moment {
 public:
  void Set(const T& now) {
    const std::lock_guard lock(mutex_);
    now_ = now;
  }
  T Look() const {
    const std::lock_guard lock(mutex_);
    return now_;
  }

 private:
  mutable std::mutex mutex_;
  T now_;
};

// docs/live.md has a table of all names.
void ExpectThatThePageHas(const std::map<std::string, double>& seen) {
  const std::string page = ReadFile("docs/live.md");
  for (const auto& [sample, value] : seen) {
    std::string name = sample.substr(0, sample.find('{'));
    for (const std::string end : {"_bucket", "_sum", "_count"}) {
      if (name.ends_with(end)) name.resize(name.size() - end.size());
    }
    const bool has_it = page.find("`" + name + "`") != std::string::npos ||
                        page.find("`" + name + "{") != std::string::npos;
    EXPECT_TRUE(has_it) << name;
  }
}

class CloudMetricsTest : public testing::Test {
 protected:
  CloudMetricsTest() {
    batch_.replica = 1;
    batch_.tokens = 130;
    batch_.parts.resize(3);
    batch_.parts[0].kind = FrameKind::kPrefill;
    batch_.parts[0].tokens = 120;
    batch_.parts[1].kind = FrameKind::kRawPrompt;
    batch_.parts[1].tokens = 7;
    batch_.parts[2].kind = FrameKind::kVerify;
    batch_.parts[2].tokens = 3;
  }

  // `more`: labels in front of the model's.
  double Value(const std::string& name, const std::string& more = "") const {
    return ValueIn(seen_, name + "{" + more + "model_name=\"small\"}");
  }

  std::map<std::string, double> seen_;  // at the last scrape
  Moment<CloudMetrics::Now> now_;
  Batch batch_;
  CloudMetrics metrics_{
      {.labels = {{"model_name", "small"}}, .replicas = 2, .stages = 2, .kv_capacity_tokens = 1000},
      [this] { return now_.Look(); }};
  const MetricsServer server_{"127.0.0.1:0", {metrics_.collectable()}};
};

TEST_F(CloudMetricsTest, EachNameIsThereFromTheStart) {
  seen_ = Scrape(server_.port());
  for (const char* name :
       {"vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
        "vllm:prompt_tokens_total", "hat:kv_cache_tokens", "hat:queued_frames",
        "hat:devices_connected", "hat:verified_tokens_total", "hat:admitted_sessions_total",
        "hat:refused_frames_total"}) {
    EXPECT_EQ(Value(name), 0) << name;
  }
}

TEST_F(CloudMetricsTest, ThePageHasEveryName) {
  now_.Set({.load = {}, .devices = {{"orin", Seconds(0.5)}}});
  ExpectThatThePageHas(Scrape(server_.port()));
}

TEST_F(CloudMetricsTest, GaugesAreOfTheMoment) {
  CloudMetrics::Now now;
  now.load = {.sessions = 5, .waiting_for_admission = 2, .queued_frames = 7, .kv_tokens = 250};
  now.devices = {{"orin", Seconds(0.5)}, {"xavier", Seconds(2)}};
  now_.Set(now);
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("vllm:num_requests_running"), 3);
  EXPECT_EQ(Value("vllm:num_requests_waiting"), 2);
  EXPECT_EQ(Value("vllm:kv_cache_usage_perc"), 0.25);
  EXPECT_EQ(Value("hat:kv_cache_tokens"), 250);
  EXPECT_EQ(Value("hat:queued_frames"), 7);
  EXPECT_EQ(Value("hat:devices_connected"), 2);
  EXPECT_EQ(Value("hat:heartbeat_age_seconds", "device=\"xavier\","), 2);
  now.devices.pop_back();
  now_.Set(now);
  seen_ = Scrape(server_.port());
  EXPECT_FALSE(seen_.contains("hat:heartbeat_age_seconds{device=\"xavier\",model_name=\"small\"}"));
}

TEST_F(CloudMetricsTest, ABatchCountsOnceAndEachOfItsStages) {
  metrics_.OnStage({&batch_, 0, Lasting(0, 0.03), Seconds(0.03)});
  metrics_.OnStage({&batch_, 1, Lasting(0.04, 0.005), Seconds(0.045)});
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("vllm:iteration_tokens_total_count", "engine=\"1\","), 1);
  EXPECT_EQ(Value("vllm:iteration_tokens_total_count", "engine=\"0\","), 0);
  EXPECT_EQ(Value("vllm:iteration_tokens_total_sum", "engine=\"1\","), 130);
  EXPECT_EQ(Value("hat:batch_sequences_sum", "engine=\"1\","), 3);
  EXPECT_EQ(Value("vllm:prompt_tokens_total"), 127);
  EXPECT_EQ(Value("hat:verified_tokens_total"), 3);
  EXPECT_DOUBLE_EQ(seen_.at(R"(hat:stage_seconds_sum{engine="1",model_name="small",stage="0"})"),
                   0.03);
  EXPECT_NEAR(seen_.at(R"(hat:stage_seconds_sum{engine="1",model_name="small",stage="1"})"), 0.005,
              1e-12);
}

TEST_F(CloudMetricsTest, FramesAdmissionsRefusalsAndFailures) {
  metrics_.OnFrame(Sent(Direction::kUp, 80));
  metrics_.OnFrame(Sent(Direction::kUp, 64));
  metrics_.OnFrame(Sent(Direction::kDown, 72));
  metrics_.OnAdmitted(0, 1, Seconds(1));
  metrics_.OnRefused(0, {}, "a position too far", Seconds(1));
  metrics_.OnStageFailed(batch_, 1, Lasting(0, 1));
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("hat:frames_total", "direction=\"up\","), 2);
  EXPECT_EQ(Value("hat:frame_bytes_total", "direction=\"up\","), 144);
  EXPECT_EQ(Value("hat:frame_bytes_total", "direction=\"down\","), 72);
  EXPECT_EQ(Value("hat:admitted_sessions_total"), 1);
  EXPECT_EQ(Value("hat:refused_frames_total"), 1);
  EXPECT_EQ(seen_.at(R"(hat:failed_batches_total{engine="1",model_name="small",stage="1"})"), 1);
}

class DeviceMetricsTest : public testing::Test {
 protected:
  double Value(const std::string& name) const { return ValueIn(seen_, name); }

  // The worked request of docs/metrics.md, by seconds for its milliseconds.
  void PlayTheWorkedRequest(int id) {
    const Request request = Asked(id, 3, 3);
    metrics_.OnArrival(request);
    metrics_.OnStart(request, Seconds(4));
    metrics_.OnTokens(id, 1, Seconds(44));
    metrics_.OnTokens(id, 2, Seconds(63));
    metrics_.OnEnd(id, Outcome::kCompleted, Seconds(63));
  }

  std::map<std::string, double> seen_;  // at the last scrape
  Moment<DeviceMetrics::Now> now_;
  DeviceMetrics metrics_{{}, [this] { return now_.Look(); }};
  const MetricsServer server_{"127.0.0.1:0", {metrics_.collectable()}};
};

TEST_F(DeviceMetricsTest, TheWorkedRequest) {
  PlayTheWorkedRequest(0);
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("vllm:time_to_first_token_seconds_sum"), 44);
  EXPECT_EQ(Value("vllm:inter_token_latency_seconds_sum"), 19);
  EXPECT_EQ(Value("vllm:inter_token_latency_seconds_count"), 1);
  EXPECT_EQ(Value("vllm:request_time_per_output_token_seconds_sum"), 9.5);
  EXPECT_EQ(Value("vllm:e2e_request_latency_seconds_sum"), 63);
  EXPECT_EQ(Value("vllm:request_queue_time_seconds_sum"), 4);
  EXPECT_EQ(Value("vllm:prompt_tokens_total"), 3);
  EXPECT_EQ(Value("vllm:generation_tokens_total"), 3);
  EXPECT_EQ(Value("vllm:request_generation_tokens_sum"), 3);
  EXPECT_EQ(Value("vllm:request_success_total{finished_reason=\"length\"}"), 1);
  EXPECT_EQ(Value("vllm:time_to_first_token_seconds_bucket{le=\"40\"}"), 0);
  EXPECT_EQ(Value("vllm:time_to_first_token_seconds_bucket{le=\"80\"}"), 1);
}

TEST_F(DeviceMetricsTest, ThePageHasEveryName) { ExpectThatThePageHas(Scrape(server_.port())); }

TEST_F(DeviceMetricsTest, RequestsWaitRunAndEndInOneOfFourWays) {
  for (const int id : {1, 2, 3, 4}) metrics_.OnArrival(Asked(id, 1, 5));
  for (const int id : {1, 2, 3}) metrics_.OnStart(Asked(id, 1, 5), Seconds(1));
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("vllm:num_requests_running"), 3);
  EXPECT_EQ(Value("vllm:num_requests_waiting"), 1);
  metrics_.OnTokens(1, 1, Seconds(2));
  metrics_.OnEnd(1, Outcome::kCompleted, Seconds(2));
  metrics_.OnEnd(2, Outcome::kFailed, Seconds(2));
  metrics_.OnEnd(3, Outcome::kCancelled, Seconds(2));
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("vllm:num_requests_running"), 0);
  EXPECT_EQ(Value("vllm:request_success_total{finished_reason=\"stop\"}"), 1);
  EXPECT_EQ(Value("vllm:request_success_total{finished_reason=\"length\"}"), 0);
  EXPECT_EQ(Value("vllm:request_success_total{finished_reason=\"abort\"}"), 1);
  EXPECT_EQ(Value("hat:failed_requests_total"), 1);
  EXPECT_EQ(Value("vllm:e2e_request_latency_seconds_count"), 1);
}

TEST_F(DeviceMetricsTest, RoundsCountAsVllmCountsDrafts) {
  metrics_.OnRound(Round(4, 2, 3, 1));
  metrics_.OnRound(Round(20, 20));
  metrics_.OnRound(Round(0, 0));  // u-shape: no draft
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("vllm:spec_decode_num_drafts_total"), 2);
  EXPECT_EQ(Value("vllm:spec_decode_num_draft_tokens_total"), 24);
  EXPECT_EQ(Value("vllm:spec_decode_num_accepted_tokens_total"), 22);
  EXPECT_EQ(Value("vllm:spec_decode_num_accepted_tokens_per_pos_total{position=\"1\"}"), 2);
  EXPECT_EQ(Value("vllm:spec_decode_num_accepted_tokens_per_pos_total{position=\"2\"}"), 1);
  EXPECT_EQ(Value("vllm:spec_decode_num_accepted_tokens_per_pos_total{position=\"15\"}"), 5);
  EXPECT_EQ(Value("hat:ahead_steps_total"), 3);
  EXPECT_EQ(Value("hat:wasted_ahead_steps_total"), 1);
}

TEST_F(DeviceMetricsTest, OperationsFramesAndTheCloud) {
  metrics_.OnDeviceOp({.op = DeviceOp::kDraftAhead, .span = Lasting(1, 0.25)});
  metrics_.OnFrame(Sent(Direction::kDown, 72));
  now_.Set({.is_connected = true, .heartbeat_age = Seconds(1.5)});
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("hat:device_op_seconds_sum{op=\"draft-ahead\"}"), 0.25);
  EXPECT_EQ(Value("hat:device_op_seconds_count{op=\"input\"}"), 0);
  EXPECT_EQ(Value("hat:frames_total{direction=\"down\"}"), 1);
  EXPECT_EQ(Value("hat:connected"), 1);
  EXPECT_EQ(Value("hat:heartbeat_age_seconds"), 1.5);
}

TEST_F(DeviceMetricsTest, WhatBeganBeforeItIsLeftOut) {
  metrics_.OnTokens(9, 1, Seconds(1));
  metrics_.OnEnd(9, Outcome::kCompleted, Seconds(1));
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("vllm:generation_tokens_total"), 0);
}

TEST_F(DeviceMetricsTest, TakesEventsFromAnyThreadWhileItIsScraped) {
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < 100; ++i) PlayTheWorkedRequest(thread * 100 + i);
    });
  }
  for (int i = 0; i < 3; ++i) EXPECT_NE(HttpGet(server_.port(), "/metrics"), "");
  threads.clear();
  seen_ = Scrape(server_.port());
  EXPECT_EQ(Value("vllm:generation_tokens_total"), 1200);
  EXPECT_EQ(Value("vllm:inter_token_latency_seconds_sum"), 400 * 19);
}

}  // namespace
}  // namespace hat
