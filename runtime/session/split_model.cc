#include "runtime/session/split_model.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "core/random.h"
#include "protocol/cloud_server.h"
#include "protocol/dedicated_links.h"
#include "protocol/device.h"
#include "runtime/model/torch_compute.h"
#include "runtime/session/cloud_compute.h"
#include "runtime/session/device_compute.h"
#include "runtime/session/frame_gate.h"
#include "world/guarded_world.h"

namespace hat {
namespace {

bool IsTree(const SystemSpec& system) { return system.kind == SystemSpec::Kind::kMedusa; }

// Slots that a session's caches need beside its positions.
int ExtraSlots(const SystemSpec& system) {
  const int draft = ReservedExtraTokens(system);
  return IsTree(system) ? draft : draft * (1 + system.options.ahead_branches);
}

void CheckOptions(const SplitOptions& options, const ModelConfig& config) {
  CheckSplit(options.plan, config);
  CheckSystem(options.system);
  const SystemSpec::Kind kind = options.system.kind;
  if (kind != SystemSpec::Kind::kSplit && kind != SystemSpec::Kind::kMedusa) {
    throw InputError("system '" + options.system.name + "' is not split between device and cloud");
  }
  HAT_CHECK(options.devices >= 1 && options.stages >= 1 &&
            options.stages <= config.shape.layers - options.plan.split);
}

}  // namespace

struct SplitModel::Parts {
  Parts(const Model& model, const SplitOptions& the_options);

  ModelConfig config;
  SplitOptions options;
  DeviceModel device;
  CloudModel cloud;
  std::unique_ptr<ChunkingPolicy> chunking;
  std::unique_ptr<DraftingPolicy> drafting;  // null: none
  NearTieRule near;
};

SplitModel::Parts::Parts(const Model& model, const SplitOptions& the_options)
    : config(model.config),
      options(the_options),
      device(model, options.plan.split, options.plan.compute, options.plan.wire),
      cloud(model, options.plan.split, options.stages, options.plan.compute, options.plan.wire),
      chunking(MakeChunkingPolicy(options.system.chunking, options.system.options)),
      near(options.plan.compute.dtype, options.plan.wire, options.system.options.draft_threshold) {
  if (!options.ends_at_end_of_text) config.eos_tokens.clear();
  const SystemSpec& system = options.system;
  if (system.drafting != "none") {
    drafting = MakeDraftingPolicy(system.drafting, system.options);
    device.adapter.emplace(model, LoadAdapter(options.adapter, model, options.plan.split),
                           options.plan.compute);
  }
  if (IsTree(system)) {
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

 private:
  struct Session {
    SessionTokens tokens;
    std::vector<RoundEvent> rounds;
    bool has_ended = false;
    FrameHeader sent;  // of the newest frame up
  };
  struct Node {
    Node(World& world, std::unique_ptr<DedicatedPipe> pipe)
        : gpu(world), uplink(world, std::move(pipe)) {}
    ComputeQueue gpu;
    DeviceMonitor monitor;
    DedicatedUplink uplink;
    std::unique_ptr<Device> device;
  };
  void AddDevice(int index);
  std::unique_ptr<DedicatedPipe> Pipe(Direction direction, int device, FrameReceiver receiver);
  void OnUp(int device, Frame frame);
  void OnDown(Node& node, Frame frame);
  void CloseEarly(int request);
  Session& SessionOf(SessionId id) { return sessions_[static_cast<size_t>(id)]; }

  const SplitModel::Parts& parts_;
  const TokenListener& on_tokens_;
  GuardedWorld world_;
  std::vector<Session> sessions_;
  int cache_slots_ = 0;
  RngStream delays_;
  FrameGate gate_;
  DedicatedDownlinks downlinks_;
  std::optional<LiveCloudCompute> cloud_compute_;
  std::unique_ptr<CloudServer> cloud_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

SplitRun::SplitRun(const SplitModel::Parts& parts, const std::vector<GenerationRequest>& requests,
                   const TokenListener& on_tokens)
    : parts_(parts),
      on_tokens_(on_tokens),
      delays_(parts.options.seed, "answer delays"),
      gate_({parts.options.system.kind, parts.options.plan.wire, parts.device.hidden,
             parts.config.max_positions, ReservedExtraTokens(parts.options.system)}) {
  const SystemSpec& system = parts_.options.system;
  int positions = 0;
  for (const GenerationRequest& request : requests) {
    CheckRequest(request, parts_.config);
    sessions_.push_back({{request.prompt, {}, {}}, {}, false, {}});
    positions =
        std::max(positions, static_cast<int>(request.prompt.size()) + request.max_new_tokens);
  }
  cache_slots_ = positions + ExtraSlots(system);
  CloudConfig config;
  config.stages = parts_.options.stages;
  config.kv_tokens = static_cast<int64_t>(requests.size()) * cache_slots_;
  cloud_compute_.emplace(parts_.cloud, cache_slots_, world_);
  cloud_ = std::make_unique<CloudServer>(world_, config, system, parts_.device.hidden,
                                         std::vector<CloudCompute*>{&*cloud_compute_}, downlinks_,
                                         *this);
  cloud_->Start();
  for (int i = 0; i < parts_.options.devices; ++i) AddDevice(i);
  for (size_t i = 0; i < requests.size(); ++i) {
    Request request;
    request.id = static_cast<int>(i);
    request.device = static_cast<int>(i) % parts_.options.devices;
    request.prompt_tokens = static_cast<int>(requests[i].prompt.size());
    request.output_tokens = requests[i].max_new_tokens;
    nodes_[static_cast<size_t>(request.device)]->device->OnArrival(request);
  }
}

// Frames take 1 ms and, down, up to delay_ms more: of a draft step's 1 ms now fewer, now more fit
// into an answer's delay.
std::unique_ptr<DedicatedPipe> SplitRun::Pipe(Direction direction, int device,
                                              FrameReceiver receiver) {
  ExtraDelay delay;
  if (direction == Direction::kDown) {
    delay = [this](const FrameHeader&) {
      return Milliseconds(parts_.options.delay_ms) * delays_.Uniform();
    };
  }
  const FifoLink link(BytesPerSecond(1e9), Milliseconds(1), 1);
  return std::make_unique<DedicatedPipe>(world_, *this, direction, device, parts_.device.hidden,
                                         link, std::move(receiver), std::move(delay));
}

void SplitRun::AddDevice(int index) {
  const auto receive_up = [this](int device, Frame frame) { OnUp(device, std::move(frame)); };
  nodes_.push_back(std::make_unique<Node>(world_, Pipe(Direction::kUp, index, receive_up)));
  Node& node = *nodes_.back();
  downlinks_.Add(Pipe(Direction::kDown, index,
                      [this, &node](int, Frame frame) { OnDown(node, std::move(frame)); }));
  const DeviceContext context{world_,
                              parts_.options.system,
                              *parts_.chunking,
                              parts_.drafting.get(),
                              node.monitor,
                              node.uplink,
                              *this,
                              index,
                              parts_.device.hidden,
                              parts_.options.plan.wire,
                              parts_.options.stages};
  node.device = std::make_unique<Device>(
      context, static_cast<int>(sessions_.size()),
      [this, &node](const Request& request, int) {
        return std::make_unique<LiveDeviceCompute>(
            parts_.device, node.gpu, parts_.near, cache_slots_,
            SessionOf(static_cast<SessionId>(request.id)).tokens);
      },
      [](const Request&) {});
}

void SplitRun::OnUp(int device, Frame frame) {
  if (world_.has_failed() || SessionOf(frame.header.session).has_ended) return;
  try {
    gate_.OnUp(device, frame);
  } catch (const InputError&) {
    return world_.Fail(std::current_exception());
  }
  SessionOf(frame.header.session).sent = frame.header;
  cloud_->OnFrame(device, std::move(frame));
}

// A session that ends at an end of text has no frame on its way: the answer in hand was the last.
void SplitRun::CloseEarly(int request) {
  Session& session = sessions_[static_cast<size_t>(request)];
  Frame close;
  close.header = session.sent;
  close.header.kind = FrameKind::kClose;
  close.header.count = close.header.kept_count = 0;
  close.header.flags = 0;
  OnUp(request % parts_.options.devices, std::move(close));
  session.has_ended = true;
}

void SplitRun::OnDown(Node& node, Frame frame) {
  if (world_.has_failed() || SessionOf(frame.header.session).has_ended) return;
  gate_.OnDown(frame.header);
  node.device->OnFrame(std::move(frame));
}

void SplitRun::OnRound(const RoundEvent& event) {
  sessions_[static_cast<size_t>(event.request)].rounds.push_back(event);
}

// Tokens behind an end of text are dropped; nobody accepted them.
void SplitRun::OnTokens(int request, int count, Seconds) {
  Session& session = sessions_[static_cast<size_t>(request)];
  std::vector<int32_t>& output = session.tokens.output;
  const auto first = output.end() - count;
  const std::vector<int>& ends = parts_.config.eos_tokens;
  const auto end = std::find_first_of(first, output.end(), ends.begin(), ends.end());
  const bool is_end = end != output.end();
  const auto dropped = is_end ? static_cast<int>(output.end() - end) - 1 : 0;
  output.resize(output.size() - static_cast<size_t>(dropped));
  if (!session.rounds.empty()) session.rounds.back().accepted -= dropped;
  const auto kept = static_cast<size_t>(count - dropped);
  if (on_tokens_) on_tokens_(request, std::span<const int32_t>(output).last(kept));
  if (!is_end) return;
  CloseEarly(request);
  throw EndOfActivity();
}

std::vector<Generation> SplitRun::Run() {
  world_.RunToEnd();
  cloud_->Stop();
  world_.RunToEnd();
  HAT_CHECK(cloud_compute_->sessions() == 0);
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
