#include "runtime/session/split_model.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/random.h"
#include "protocol/deployment.h"
#include "runtime/model/torch_compute.h"
#include "runtime/session/cloud_compute.h"
#include "runtime/session/device_compute.h"
#include "world/guarded_world.h"

namespace hat {
namespace {

// Slots that a session's caches need beside its positions.
int ExtraSlots(const SystemSpec& system) {
  const int draft = ReservedExtraTokens(system);
  return system.drafts_trees ? draft : draft * (1 + system.options.ahead_branches);
}

void CheckOptions(const SplitOptions& options, const ModelConfig& config) {
  CheckSplit(options.plan, config);
  CheckSystem(options.system);
  if (!options.system.is_split()) {
    throw InputError("system '" + options.system.name + "' is not split between device and cloud");
  }
  HAT_CHECK(options.devices >= 1 && options.stages >= 1 &&
            options.stages <= config.shape.layer_count() - options.plan.split);
}

}  // namespace

struct SplitModel::Parts {
  Parts(const Model& model, const SplitOptions& the_options);

  ModelConfig config;
  SplitOptions options;
  DeviceModel device;
  CloudModel cloud;
  NearTieRule near;
};

SplitModel::Parts::Parts(const Model& model, const SplitOptions& the_options)
    : config(model.config),
      options(the_options),
      device(model, options.plan.split, options.plan.compute, options.plan.wire),
      cloud(model, options.plan.split, options.stages, options.plan.compute, options.plan.wire),
      near(options.plan.compute.dtype, options.plan.wire, options.system.options.draft_threshold) {
  if (!options.ends_at_end_of_text) config.eos_tokens.clear();
  const SystemSpec& system = options.system;
  if (system.drafts_chains()) {
    device.adapter.emplace(model, LoadAdapter(options.adapter, model, options.plan.split),
                           options.plan.compute);
  }
  if (system.drafts_trees) {
    device.medusa.emplace(model, LoadMedusa(options.medusa, model), device.head,
                          options.plan.compute);
    const Tree& tree = FindTree(system.options.tree);
    if (std::ranges::max(tree.ranks) > config.shape.vocabulary) {
      throw InputError("the tree '" + system.options.tree + "' needs a larger vocabulary than " +
                       std::to_string(config.shape.vocabulary));
    }
    const int depth = tree.max_depth();
    if (depth > device.medusa->size()) {
      throw InputError("the tree '" + system.options.tree + "' needs " + std::to_string(depth) +
                       " Medusa heads; there are " + std::to_string(device.medusa->size()));
    }
  }
}

// One call of Generate: the world and who lives in it.
class SplitRun : public Observer {
 public:
  SplitRun(const SplitModel::Parts& parts, const std::vector<GenerationRequest>& requests,
           const TokenListener& on_tokens);

  std::vector<Generation> Run();

  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnRefused(int device, const FrameHeader& header, std::string_view why, Seconds at) override;

 private:
  struct Session {
    SessionTokens tokens;
    std::vector<RoundEvent> rounds = {};
  };
  static int CacheSlots(const SplitModel::Parts& parts,
                        const std::vector<GenerationRequest>& requests);
  CloudConfig ConfigOf(size_t requests) const;
  DedicatedLinks::Pair LinksOf();
  void AddDevice();

  const SplitModel::Parts& parts_;
  const TokenListener& on_tokens_;
  GuardedWorld world_;
  std::vector<Session> sessions_;
  int cache_slots_ = 0;
  RngStream delays_;
  ConstantPace device_pace_{Milliseconds(1), Milliseconds(0.01)};
  ConstantPace stage_pace_{Milliseconds(1)};
  LiveCloudCompute cloud_compute_;
  ObserverList observers_;
  DedicatedLinks links_;
  std::vector<std::unique_ptr<ComputeQueue>> gpus_;  // by device
  Deployment deployment_;
};

// Positions of the longest request, and what else its caches need.
int SplitRun::CacheSlots(const SplitModel::Parts& parts,
                         const std::vector<GenerationRequest>& requests) {
  int positions = 0;
  for (const GenerationRequest& request : requests) {
    CheckRequest(request, parts.config);
    positions =
        std::max(positions, static_cast<int>(request.prompt.size()) + request.max_new_tokens);
  }
  return positions + ExtraSlots(parts.options.system);
}

ObserverList ObserversOf(Observer& own, Observer* other) {
  ObserverList observers;
  observers.Add(&own);
  if (other != nullptr) observers.Add(other);
  return observers;
}

SplitRun::SplitRun(const SplitModel::Parts& parts, const std::vector<GenerationRequest>& requests,
                   const TokenListener& on_tokens)
    : parts_(parts),
      on_tokens_(on_tokens),
      cache_slots_(CacheSlots(parts, requests)),
      delays_(parts.options.seed, "answer delays"),
      cloud_compute_(parts.cloud, cache_slots_, world_, stage_pace_),
      observers_(ObserversOf(*this, parts.options.observer)),
      links_(world_, observers_, parts.device.wire.hidden, [this](int) { return LinksOf(); }),
      deployment_({.world = world_,
                   .agreement = {.system = parts.options.system,
                                 .hidden = parts.device.wire.hidden,
                                 .dtype = parts.options.plan.wire,
                                 .stages = parts.options.stages},
                   .cloud = ConfigOf(requests.size()),
                   .replicas = {&cloud_compute_},
                   .links = links_,
                   .observer = observers_,
                   .max_positions = parts.config.max_positions,
                   .on_fault = [](std::exception_ptr cause) { std::rethrow_exception(cause); }}) {
  for (const GenerationRequest& request : requests) sessions_.push_back({{request.prompt, {}, {}}});
  deployment_.Start();
  for (int i = 0; i < parts_.options.devices; ++i) AddDevice();
  for (size_t i = 0; i < requests.size(); ++i) {
    Request request;
    request.id = static_cast<int>(i);
    request.device = static_cast<int>(i) % parts_.options.devices;
    request.prompt_tokens = static_cast<int>(requests[i].prompt.size());
    request.output_tokens = requests[i].max_new_tokens;
    deployment_.device(request.device).OnArrival(request);
  }
}

CloudConfig SplitRun::ConfigOf(size_t requests) const {
  CloudConfig config;
  config.stages = parts_.options.stages;
  config.kv_tokens = static_cast<int64_t>(requests) * cache_slots_;
  return config;
}

// Frames take 1 ms and, down, up to delay_ms more: of a draft step's 1 ms now fewer, now more fit
// into an answer's delay.
DedicatedLinks::Pair SplitRun::LinksOf() {
  const FifoLink link(BytesPerSecond(1e9), Milliseconds(1), 1);
  return {.up = link, .down = link, .down_delay = [this](const FrameHeader&) {
            return Milliseconds(parts_.options.delay_ms) * delays_.Uniform();
          }};
}

void SplitRun::AddDevice() {
  gpus_.push_back(std::make_unique<ComputeQueue>(world_));
  const LiveDevice device{parts_.device, *gpus_.back(), device_pace_, parts_.near,
                          parts_.config.eos_tokens};
  deployment_.AddDevice(
      static_cast<int>(sessions_.size()),
      [this, device](const Request& request, int) {
        return std::make_unique<LiveDeviceCompute>(
            device, request.id, cache_slots_, sessions_[static_cast<size_t>(request.id)].tokens);
      },
      [](const Request& request, const SessionEnd& end) {
        if (end.cause) std::rethrow_exception(end.cause);
        if (end.outcome != Outcome::kCompleted) {
          throw RunError("request " + std::to_string(request.id) + " failed: " + end.reason);
        }
      });
}

// Of devices in this process no frame should be: the refusal says what is wrong.
void SplitRun::OnRefused(int, const FrameHeader& header, std::string_view why, Seconds) {
  world_.Fail(std::make_exception_ptr(
      InputError("session " + std::to_string(header.session) + ": " + std::string(why))));
}

void SplitRun::OnRound(const RoundEvent& event) {
  sessions_[static_cast<size_t>(event.request)].rounds.push_back(event);
}

void SplitRun::OnTokens(int request, int count, Seconds) {
  const std::vector<int32_t>& output = sessions_[static_cast<size_t>(request)].tokens.output;
  if (on_tokens_) {
    on_tokens_(request, std::span<const int32_t>(output).last(static_cast<size_t>(count)));
  }
}

std::vector<Generation> SplitRun::Run() {
  world_.RunToEnd();
  deployment_.cloud()->Stop();
  world_.RunToEnd();
  HAT_CHECK(cloud_compute_.sessions() == 0);
  std::vector<Generation> generations;
  for (Session& session : sessions_) {
    const auto size = static_cast<int>(session.tokens.output.size());
    std::erase_if(session.tokens.near_ties,
                  [size](const NearTie& tie) { return tie.output_index >= size; });
    generations.push_back({std::move(session.tokens.output), std::move(session.rounds),
                           std::move(session.tokens.near_ties)});
  }
  return generations;
}

SplitModel::SplitModel(const Model& model, const SplitOptions& options) {
  CheckOptions(options, model.config);
  parts_ = std::make_unique<Parts>(model, options);
}
SplitModel::SplitModel(const std::string& folder, const SplitOptions& options)
    : SplitModel(OpenModel(folder), options) {}
SplitModel::~SplitModel() = default;

std::vector<Generation> SplitModel::Generate(const std::vector<GenerationRequest>& requests,
                                             const TokenListener& on_tokens) {
  return WithMemoryErrors([&] { return SplitRun(*parts_, requests, on_tokens).Run(); });
}

Generation SplitModel::Generate(const GenerationRequest& request, const TokenListener& on_tokens) {
  return std::move(Generate(std::vector{request}, on_tokens)[0]);
}

}  // namespace hat
