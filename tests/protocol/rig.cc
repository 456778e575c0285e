#include "tests/protocol/rig.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "core/random.h"

namespace hat {
namespace {

size_t StateBytes(const RigOptions& options) { return 2 * static_cast<size_t>(options.hidden); }

void FillDefaults(RigOptions& options) {
  if (!options.device_latency) {
    options.device_latency = [](DeviceOp, int tokens, int) {
      return Milliseconds(1) + Milliseconds(0.1) * tokens;
    };
  }
  if (!options.stage_latency) {
    options.stage_latency = [](int, const Batch& batch) {
      return Milliseconds(2) + Milliseconds(0.05) * batch.tokens;
    };
  }
  if (!options.medusa) {
    options.medusa = [](int request, int start, int head) {
      return 1 + RngStream(5, "medusa")
                     .At(static_cast<uint64_t>(request), static_cast<uint64_t>(start),
                         static_cast<uint64_t>(head))
                     .UniformInt(2);
    };
  }
}

LawOptions LawsOf(const RigOptions& options) {
  LawOptions laws;
  laws.system = options.system;
  laws.hidden = options.hidden;
  laws.devices = options.devices;
  laws.replicas = options.cloud.replicas;
  laws.stages = options.cloud.stages;
  laws.token_budget = options.system.prefill_cut == "whole" ? 0 : options.cloud.token_budget;
  laws.tolerance = Seconds(1e-9);
  return laws;
}

}  // namespace

Rig::Rig(RigOptions options)
    : options_(std::move(options)), counter_([this](int index) {
        if (options_.on_event) options_.on_event(index);
      }) {
  FillDefaults(options_);
  CheckSystem(options_.system);
  laws_ = std::make_unique<Laws>(LawsOf(options_));
  for (Observer* observer : {static_cast<Observer*>(&record), static_cast<Observer*>(&*laws_),
                             static_cast<Observer*>(&counter_)}) {
    observers_.Add(observer);
  }
  model_ = {options_.device_latency, options_.drafter,           options_.medusa,
            StateBytes(options_),    !options_.system.has_cloud, options_.drafter_reads_prompt};
  std::vector<CloudCompute*> replicas;
  for (int i = 0; i < options_.cloud.replicas; ++i) {
    replicas_.push_back(
        std::make_unique<FakeCloudCompute>(world_, options_.cloud.stages, options_.stage_latency,
                                           StateBytes(options_), options_.stage_link));
    if (options_.system.drafts_in_cloud()) {
      const SystemSpec& system = options_.system;
      replicas_.back()->DraftBy(options_.drafter,
                                MakeDraftingPolicy(system.drafting, system.options));
    }
    failing_.push_back(std::make_unique<FailingCloudCompute>(
        world_, *replicas_.back(), stage_calls_, options_.failing_stage_call, options_.fails_late,
        options_.on_failed));
    replicas.push_back(failing_.back().get());
  }
  if (!options_.system.has_cloud) replicas.clear();
  auto links = std::make_unique<DedicatedLinks>(world_, observers_, options_.hidden, [this](int) {
    return DedicatedLinks::Pair{FifoLink(options_.up, options_.latency, 1),
                                FifoLink(options_.down, options_.latency, 1), options_.extra_delay,
                                options_.extra_delay};
  });
  links_ = std::make_unique<FaultyLinks>(std::move(links), options_.on_frame);
  deployment_ =
      std::make_unique<Deployment>(Deployment::Setup{.world = world_,
                                                     .agreement = {.system = options_.system,
                                                                   .hidden = options_.hidden,
                                                                   .stages = options_.cloud.stages},
                                                     .cloud = options_.cloud,
                                                     .replicas = std::move(replicas),
                                                     .links = *links_,
                                                     .observer = observers_,
                                                     .answer_timeout = options_.answer_timeout,
                                                     .drafting = options_.drafting});
  deployment_->Start();
  for (int i = 0; i < options_.devices; ++i) AddDevice();
}

void Rig::AddDevice() {
  gpus_.push_back(std::make_unique<ComputeQueue>(world_));
  ComputeQueue& gpu = *gpus_.back();
  deployment_->AddDevice(
      options_.max_sessions,
      [this, &gpu](const Request& request, int before) -> std::unique_ptr<DeviceCompute> {
        started_before[request.id] = before;
        auto compute = std::make_unique<FakeDeviceCompute>(gpu, model_, request);
        return options_.change_compute ? options_.change_compute(std::move(compute))
                                       : std::unique_ptr<DeviceCompute>(std::move(compute));
      },
      [](const Request&, const SessionEnd&) {});
}

void Rig::Arrive(const Request& request) {
  world_.CallAt(request.arrival,
                [this, request] { deployment_->device(request.device).OnArrival(request); });
}

void Rig::Run() {
  world_.Run();
  CloudServer* cloud = deployment_->cloud();
  if (cloud != nullptr) {
    cloud->Stop();
    world_.Run();
    const CloudServer::Load load = cloud->load();
    EXPECT_EQ(load.sessions, 0u);
    EXPECT_EQ(load.waiting_for_admission, 0u);
    EXPECT_EQ(load.queued_frames, 0u);
    EXPECT_EQ(load.kv_tokens, 0);
  }
  EXPECT_THAT(world_.stuck(), testing::IsEmpty());
  CheckLaws();
}

void Rig::Vanish(int device) {
  links_->Cut(device);
  deployment_->device(device).Stop({Outcome::kCancelled, "the device is gone"});
  if (CloudServer* cloud = deployment_->cloud()) {
    world_.CallAt(world_.Now() + Milliseconds(5), [cloud, device] { cloud->Drop(device); });
  }
}

void Rig::VanishCloud() {
  for (int d = 0; d < deployment_->devices(); ++d) {
    links_->Cut(d);
    deployment_->device(d).Stop({Outcome::kFailed, "the cloud is gone"});
    deployment_->cloud()->Drop(d);
  }
}

void Rig::CheckLaws() {
  laws_->Finish(false);
  EXPECT_THAT(laws_->violations().kept(), testing::IsEmpty());
  for (const auto& [id, request] : record.requests) {
    EXPECT_EQ(record.ended.count(id), 1u) << "request " << id;
    if (record.failures.contains(id)) continue;
    EXPECT_EQ(record.TokensOut(id), request.output_tokens);
  }
  for (const FrameEvent& frame : record.frames) {
    EXPECT_EQ(frame.size, FrameBytes(frame.header, options_.hidden));
    EXPECT_EQ(DecodeHeader(EncodeHeader(frame.header)), frame.header);
  }
  for (const auto& replica : replicas_) {
    EXPECT_EQ(replica->caches(), 0u) << "Close frees the caches";
  }
}

Request MakeRequest(int id, int prompt_tokens, int output_tokens, Seconds arrival, int device) {
  Request request;
  request.id = id;
  request.device = device;
  request.arrival = arrival;
  request.prompt_tokens = prompt_tokens;
  request.output_tokens = output_tokens;
  return request;
}

std::vector<ExpectedRound> ExpectedRounds(const RigOptions& options, const Request& request) {
  const PolicyOptions& limits = options.system.options;
  const auto policy = MakeDraftingPolicy(options.system.drafting, limits);
  std::vector<ExpectedRound> rounds;
  for (int out = 1; out < request.output_tokens;) {
    const int most = std::min(limits.max_draft, request.output_tokens - out - 1);
    ExpectedRound round;
    const auto at = [&](int step) { return options.drafter(request.id, out, step); };
    while (round.drafted < most &&
           policy->GoesOn({at(round.drafted + 1).confidence, round.drafted})) {
      ++round.drafted;
    }
    while (round.accepted < round.drafted && at(round.accepted + 1).rank == 1) ++round.accepted;
    out += round.accepted + 1;
    rounds.push_back(round);
  }
  return rounds;
}

std::vector<ExpectedRound> RoundsOf(const Record& record, int request) {
  std::vector<ExpectedRound> rounds;
  if (const auto found = record.rounds.find(request); found != record.rounds.end()) {
    for (const RoundEvent& round : found->second) rounds.push_back({round.drafted, round.accepted});
  }
  return rounds;
}

}  // namespace hat
