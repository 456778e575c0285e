#include "sim/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/machine.h"
#include "protocol/deployment.h"
#include "sim/cloud_compute.h"
#include "sim/device_compute.h"
#include "sim/drafting_cloud_compute.h"
#include "sim/shared_links.h"

namespace hat {
namespace {

constexpr Seconds kTick = Milliseconds(50);

bool HasSharedLinks(const Scenario& scenario) {
  return scenario.link.kind == LinkConfig::Kind::kShared;
}

}  // namespace

// The world and everything in it, for the time of one run.
class Simulation::Running {
 public:
  Running(Simulation& simulation, Observer& observer, const OnProgress& on_progress)
      : scenario_(simulation.scenario_),
        workload_(simulation.workload_),
        fleet_(simulation.fleet_),
        profiles_(simulation.profiles_),
        observer_(observer),
        on_progress_(on_progress),
        shared_(SharedLinksOf(simulation)),
        engine_(MakeEngine(simulation.engine_, shared_ ? &*shared_ : nullptr)),
        world_(engine_->world()),
        all_ended_(world_.MakeSignal()),
        drafts_(scenario_.system.drafts() ? MakeDraftSource(scenario_, workload_) : nullptr),
        compute_setup_{scenario_, drafts_.get()},
        links_(MakeLinks()),
        deployment_(MakeDeployment()) {
    for (int d = 0; d < fleet_.size(); ++d) AddDevice(d);
  }

  // Returns whether the run came to its end.
  bool Run() {
    engine_->Run([this] {
      deployment_.Start();
      ScheduleFirstArrivals();
      Tick();
      all_ended_->Wait();
      // What is still on its way (the last Close frames) arrives too.
      has_ended_ = true;
      while (!is_stopped_ && (engine_->next_callback() || !LinksAreIdle())) {
        world_.SleepUntil(engine_->next_callback().value_or(world_.Now() + kTick));
      }
    });
    return !is_stopped_;
  }

 private:
  static std::optional<SharedPlatform> SharedLinksOf(const Simulation& simulation) {
    if (!HasSharedLinks(simulation.scenario_)) return std::nullopt;
    const LinkConfig& link = simulation.scenario_.link;
    // All rates are of bytes on the wire; flows carry payload.
    const auto payload = [&](BytesPerSecond wire) { return wire * link.efficiency; };
    SharedPlatform platform{{}, payload(link.cell), payload(link.ingress), payload(link.egress)};
    for (int d = 0; d < simulation.fleet_.size(); ++d) {
      platform.devices.push_back({payload(simulation.fleet_.uplink(d).Peak()),
                                  payload(simulation.fleet_.downlink(d).Peak())});
    }
    return platform;
  }

  Deployment MakeDeployment() {
    std::vector<CloudCompute*> replicas;
    for (int i = 0; scenario_.has_cloud() && i < scenario_.scheduler.replicas; ++i) {
      cloud_computes_.push_back(MakeCloudCompute(i));
      replicas.push_back(cloud_computes_.back().get());
    }
    return Deployment(
        {.world = world_,
         .agreement = {.system = scenario_.system,
                       .hidden = scenario_.model.hidden,
                       .dtype = scenario_.wire_dtype,
                       .carries_states = false,
                       .stages = scenario_.scheduler.stages},
         .cloud = scenario_.scheduler,
         .replicas = std::move(replicas),
         .links = *links_,
         .observer = observer_,
         .on_fault = [](std::exception_ptr cause) { std::rethrow_exception(cause); }});
  }

  std::unique_ptr<SimCloudCompute> MakeCloudCompute(int replica) {
    const CloudProfile& target = *profiles_.cloud;
    if (!scenario_.system.drafts_in_cloud()) {
      return std::make_unique<SimCloudCompute>(world_, scenario_, target, replica);
    }
    if (!chains_) chains_.emplace(world_, *drafts_);
    return std::make_unique<DraftingCloudCompute>(world_, scenario_, target, *profiles_.draft,
                                                  *chains_, replica);
  }

  void AddDevice(int d) {
    const auto device_class = static_cast<size_t>(fleet_.class_of(d));
    sim_devices_.push_back(std::make_unique<SimDevice>(
        world_, scenario_, scenario_.fleet.classes[device_class], profiles_.devices[device_class]));
    SimDevice& device = *sim_devices_.back();
    // A device that computes nothing has nothing that a session could occupy.
    const int max_sessions = scenario_.system.has_device_layers ? scenario_.fleet.max_sessions
                                                                : std::numeric_limits<int>::max();
    const auto make_compute = [this, d, &device](const Request& request, int started_before) {
      device.hardware.SetPowerMode(fleet_.PowerMode(d, started_before));
      if (chains_) chains_->Add(request);
      return std::make_unique<SimDeviceCompute>(world_, compute_setup_, device, request);
    };
    deployment_.AddDevice(max_sessions, make_compute,
                          [this](const Request& request, const SessionEnd& end) {
                            if (end.cause) std::rethrow_exception(end.cause);
                            HAT_CHECK(end.outcome == Outcome::kCompleted, end.reason);
                            OnRequestEnd(request);
                          });
  }

  std::unique_ptr<Links> MakeLinks() {
    const LinkConfig& link = scenario_.link;
    const int hidden = scenario_.model.hidden;
    if (shared_) {
      auto links =
          std::make_unique<SharedLinks>(world_, *engine_->flows(), observer_, hidden, fleet_, link);
      shared_links_ = links.get();
      return links;
    }
    return std::make_unique<DedicatedLinks>(world_, observer_, hidden, [this](int d) {
      return DedicatedLinks::Pair{fleet_.MakeLink(Direction::kUp, d),
                                  fleet_.MakeLink(Direction::kDown, d)};
    });
  }

  void ScheduleFirstArrivals() {
    if (workload_.is_closed_loop()) {
      while (const std::optional<Request> request = workload_.Next()) Schedule(*request);
      no_more_arrivals_ = true;  // but those that follow an end
      if (scheduled_ == 0) all_ended_->Raise();
    } else {
      ScheduleNextArrival();
    }
  }

  void ScheduleNextArrival() {
    const std::optional<Request> next = workload_.Next();
    if (next) {
      Schedule(*next);
    } else {
      no_more_arrivals_ = true;
      RaiseIfAllEnded();
    }
  }

  // Of what happens at one instant, all requests arrive first.
  void Schedule(const Request& request) {
    ++scheduled_;
    engine_->CallFirstAt(request.arrival, [this, request] {
      deployment_.device(request.device).OnArrival(request);
      if (!workload_.is_closed_loop()) ScheduleNextArrival();
    });
  }

  void OnRequestEnd(const Request& request) {
    ++completed_;
    if (workload_.is_closed_loop()) {
      const std::optional<Request> next = workload_.NextAfter(request.device, world_.Now());
      if (next) Schedule(*next);
    }
    RaiseIfAllEnded();
  }

  void RaiseIfAllEnded() {
    if (no_more_arrivals_ && completed_ == scheduled_) all_ended_->Raise();
  }

  void Tick() {
    if (!on_progress_ || has_ended_) return;
    if (!on_progress_({{double(completed_), workload_.expected_requests()}, world_.Now()})) {
      is_stopped_ = true;
      all_ended_->Raise();
      return;
    }
    Seconds next = world_.Now() + kTick;
    next = std::max(next, engine_->next_callback().value_or(next));  // none in idle years
    world_.CallAt(next, [this] { Tick(); });
  }

  bool LinksAreIdle() const { return shared_links_ == nullptr || shared_links_->is_idle(); }

  const Scenario& scenario_;
  Workload& workload_;
  const Fleet& fleet_;
  const ScenarioProfiles& profiles_;
  Observer& observer_;
  const OnProgress& on_progress_;
  std::optional<SharedPlatform> shared_;
  std::unique_ptr<Engine> engine_;
  World& world_;
  std::unique_ptr<Signal> all_ended_;
  std::unique_ptr<DraftSource> drafts_;
  SimDeviceSetup compute_setup_;

  std::optional<CloudChains> chains_;  // where the cloud drafts
  std::vector<std::unique_ptr<SimCloudCompute>> cloud_computes_;
  std::vector<std::unique_ptr<SimDevice>> sim_devices_;  // by device
  SharedLinks* shared_links_ = nullptr;                  // where there are any
  std::unique_ptr<Links> links_;
  Deployment deployment_;

  int scheduled_ = 0;
  int completed_ = 0;
  bool no_more_arrivals_ = false;
  bool has_ended_ = false;
  bool is_stopped_ = false;
};

Simulation::Simulation(Scenario scenario, std::optional<EngineKind> engine, ProfileReader* profiles)
    : scenario_(std::move(scenario)),
      engine_(
          engine.value_or(HasSharedLinks(scenario_) ? EngineKind::kSimGrid : EngineKind::kFibers)),
      workload_(scenario_),
      fleet_(scenario_) {
  if (HasSharedLinks(scenario_) && engine_ != EngineKind::kSimGrid) {
    throw InputError(
        fmt::format("{}: 'link.kind' is 'shared', and links that contend are played by the engine "
                    "simgrid alone, not by {}",
                    scenario_.path, Name(engine_)));
  }
  CheckMachineHoldsRun();
  ProfileReader own;
  profiles_ = ScenarioProfiles::Read(scenario_, profiles ? *profiles : own);
  profiles_.CheckCover(scenario_, workload_);
}

Simulation::~Simulation() = default;

void Simulation::CheckMachineHoldsRun() const {
  const double room = MemoryLimit().value() / 2;
  const auto check = [&](int64_t count, double bytes_each, const char* of_what, const char* key) {
    if (static_cast<double>(count) * bytes_each <= room) return;
    throw InputError(
        fmt::format("{}: {} {} need more than half of this machine's memory; at most "
                    "{:.0f}; lower {}",
                    scenario_.path, count, of_what, room / bytes_each, key));
  };
  check(fleet_.size(), 4096, "devices", "fleet.scale");
  check(workload_.expected_requests().value_or(0), 1024, "requests", "workload.requests");
  const int64_t stages = scenario_.has_cloud()
                             ? int64_t{scenario_.scheduler.stages} * scenario_.scheduler.replicas
                             : 0;
  const std::optional<int> most = MaxActivities(engine_);
  if (!most) {  // fibers: a stack and what hangs on it
    check(stages, 16384, "stages", "'cloud.replicas' or 'cloud.stages'");
    if (workload_.is_closed_loop()) check(fleet_.size(), 16384, "sessions at once", "fleet.scale");
    return;
  }
  if (stages + 1 >= *most) {
    throw InputError(
        fmt::format("{}: 'cloud.replicas' x 'cloud.stages' = {} stages run at once, but "
                    "this machine holds at most {} (half of vm.max_map_count)",
                    scenario_.path, stages, *most - 2));
  }
  if (workload_.is_closed_loop() && fleet_.size() + stages >= *most) {
    throw InputError(
        fmt::format("{}: a closed loop over {} devices runs {} sessions at once, but this machine "
                    "holds at most "
                    "{} (half of vm.max_map_count); lower fleet.scale",
                    scenario_.path, fleet_.size(), fleet_.size(), *most - stages - 1));
  }
}

std::optional<std::string> Simulation::not_possible() const {
  if (scenario_.system.drafts_in_cloud() && !profiles_.draft) {
    return "the scenario names no draft model (cloud.draft_profile)";
  }
  if (scenario_.has_cloud()) return std::nullopt;
  constexpr int kBytesPerWeight = 2;
  const ModelShape& model = scenario_.model;
  const double embeddings = model.EmbeddingWeights() * (model.tied_embeddings ? 1 : 2);
  const Bytes needed((model.LayerWeights(0, model.layer_count()) + embeddings) * kBytesPerWeight);
  for (const auto& modes : profiles_.devices) {
    const ProfileInfo& info = modes.front().info();
    if (needed <= info.memory) continue;
    return fmt::format("{} needs {:.1f} GB for its weights in fp16, {} has {:.1f} GB", model.name,
                       needed.value() / 1e9, info.hardware, info.memory.value() / 1e9);
  }
  return std::nullopt;
}

bool Simulation::Run(Observer& observer, const OnProgress& on_progress) {
  HAT_CHECK(!not_possible());
  return Running(*this, observer, on_progress).Run();
}

}  // namespace hat
