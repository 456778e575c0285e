#include "sim/simgrid_world.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>
#include <utility>

#include <simgrid/version.h>  // needs the ones above

#include "core/error.h"
#include "sim/simgrid_versions.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAT_CONTEXT_FACTORY "thread"  // the sanitizers do not follow SimGrid's other contexts
#else
#define HAT_CONTEXT_FACTORY "raw"
#endif

namespace hat {
namespace {

namespace sg = simgrid::s4u;

// SimGrid's command line: it chooses the kind of contexts when it starts, so that set_config()
// would come too late. With these network settings a lone flow takes exactly size / rate: no
// factors on bandwidth or latency, no cross traffic.
constexpr std::array kArguments = {"hat",
                                   "--log=root.thres:error",
                                   "--cfg=network/model:CM02",
                                   "--cfg=network/crosstraffic:0",
                                   "--cfg=network/TCP-gamma:0",
                                   "--cfg=contexts/factory:" HAT_CONTEXT_FACTORY,
                                   "--cfg=contexts/stack-size:128"};

constexpr const char* kCloudHost = "cloud";

std::string DeviceHost(int device) { return fmt::format("device-{}", device); }

std::string DeviceLink(Direction direction, int device) {
  return fmt::format("{}-{}", direction == Direction::kUp ? "up" : "down", device);
}

// A star: a transfer from a device crosses its own uplink, the cell and the ingress; one to it the
// egress, the cell, its downlink.
void BuildSharedPlatform(sg::Engine& engine, const SharedPlatform& shared) {
  sg::NetZone& zone = AddStarZone(engine, "star");
  const auto link = [&](const std::string& name, BytesPerSecond rate) -> sg::Link* {
    return rate.IsFinite() ? &AddLink(zone, name, rate.value()) : nullptr;
  };
  sg::Link* const cell = link("cell", shared.cell);
  sg::Link* const egress = link("egress", shared.egress);
  sg::Link* const ingress = link("ingress", shared.ingress);
  AddRoutes(zone, AddHost(zone, kCloudHost), {egress}, {ingress});
  for (int d = 0; d < static_cast<int>(shared.devices.size()); ++d) {
    const SharedPlatform::DeviceLinks& rates = shared.devices[static_cast<size_t>(d)];
    sg::Link* const up = link(DeviceLink(Direction::kUp, d), rates.up);
    sg::Link* const down = link(DeviceLink(Direction::kDown, d), rates.down);
    AddRoutes(zone, AddHost(zone, DeviceHost(d)), {up, cell}, {cell, down});
  }
  zone.seal();
}

void BuildOneHost(sg::Engine& engine) {
  sg::NetZone& zone = AddFullZone(engine, "zone");
  AddHost(zone, kCloudHost);
  zone.seal();
}

struct sigaction OnInterrupt() {
  struct sigaction action = {};
  sigaction(SIGINT, nullptr, &action);
  return action;
}

}  // namespace

struct SimGridWorld::Engine {
  Engine() { sigaction(SIGINT, &on_interrupt, nullptr); }

  static std::vector<char*> Arguments() {
    std::vector<char*> arguments;
    for (const char* argument : kArguments) arguments.push_back(const_cast<char*>(argument));
    arguments.push_back(nullptr);
    return arguments;
  }

  int argc = static_cast<int>(kArguments.size());
  std::vector<char*> argv = Arguments();
  struct sigaction on_interrupt = OnInterrupt();  // the caller's: SimGrid sets its own, which exits
  sg::Engine engine{&argc, argv.data()};
};

// Suspends the waiting actor and resumes it: cheaper than a semaphore, which allocates for every
// wait.
class SimGridWorld::ActorSignal : public Signal {
 public:
  explicit ActorSignal(SimGridWorld& world) : world_(world) {}

  void Raise() override {
    is_raised_ = true;
    Wake();
  }

  void Wait() override {
    if (!is_raised_) Block();
    is_raised_ = false;
  }

  bool WaitUntil(Seconds deadline) override {
    if (!is_raised_ && deadline <= world_.Now()) return false;
    if (!is_raised_) {
      const uint64_t wait = ++wait_;
      world_.CallAt(deadline, [this, wait, alive = std::weak_ptr<char>(alive_)] {
        if (!alive.expired() && wait == wait_) Wake();
      });
      Block();
      ++wait_;
    }
    return std::exchange(is_raised_, false);
  }

 private:
  void Block() {
    world_.RunDeferred();
    if (is_raised_) return;
    waiter_ = sg::Actor::self();
    --world_.ready_;
    sg::this_actor::suspend();
  }
  void Wake() {
    if (waiter_ != nullptr) world_.Resume(std::exchange(waiter_, nullptr));
  }

  SimGridWorld& world_;
  sg::Actor* waiter_ = nullptr;
  bool is_raised_ = false;
  uint64_t wait_ = 0;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

SimGridWorld::SimGridWorld(const SharedPlatform* shared)
    : engine_(std::make_unique<Engine>()), has_flows_(shared != nullptr) {
  shared != nullptr ? BuildSharedPlatform(engine_->engine, *shared) : BuildOneHost(engine_->engine);
}

SimGridWorld::~SimGridWorld() = default;

void SimGridWorld::SleepUntil(Seconds t) {
  if (t <= now_) return;
  if (idle_sleepers_.empty()) idle_sleepers_.push_back(std::make_unique<ActorSignal>(*this));
  std::unique_ptr<ActorSignal> sleeper = std::move(idle_sleepers_.back());
  idle_sleepers_.pop_back();
  CallAt(t, [signal = sleeper.get()] { signal->Raise(); });
  sleeper->Wait();
  idle_sleepers_.push_back(std::move(sleeper));
}

void SimGridWorld::Settle() {
  // A hop lets every activity run that is ready; again, as long as these cause more at this
  // instant.
  ActorSignal hop(*this);
  uint64_t before = 0;
  do {
    before = callbacks_run_;
    CallAt(now_, [this, &hop] {
      --callbacks_run_;  // a hop is no cause
      hop.Raise();
    });
    hop.Wait();
  } while (callbacks_run_ != before);
}

void SimGridWorld::CallAt(Seconds t, std::function<void()> callback) {
  if (has_ended_) return;
  events_.Add(std::max(t, now_), std::move(callback));
  if (has_flows_) Arm();
}

std::optional<Seconds> SimGridWorld::next_callback() const {
  return events_.empty() ? std::nullopt : std::optional(events_.next());
}

void SimGridWorld::CallFirstAt(Seconds t, std::function<void()> callback) {
  if (has_ended_) return;
  events_.AddFirst(std::max(t, now_), std::move(callback));
  if (has_flows_) Arm();
}

void SimGridWorld::Arm() {
  const Seconds next = events_.next();
  if (next >= armed_) return;
  if (timer_ != nullptr) timer_->remove();
  armed_ = next;
  // SimGrid adds up differences: its clock may lie one rounding ahead of ours, and it refuses
  // timers in its past.
  const double date = std::max(next.value(), sg::Engine::get_clock());
  timer_ = simgrid::kernel::timer::Timer::set(date, [this] { Fire(); });
}

void SimGridWorld::Fire() {
  // SimGrid's clock may lie one rounding beside the timer's time; ours is the callbacks' own.
  const Seconds clock(std::max(sg::Engine::get_clock(), armed_.value()));
  armed_ = Seconds::Infinity();
  timer_ = nullptr;
  try {
    RunDue(clock);
  } catch (const std::exception&) {
    Fail(std::current_exception());
  }
  if (!events_.empty()) Arm();
}

void SimGridWorld::RunDue(Seconds until) {
  is_firing_ = true;
  try {
    while (!events_.empty() && events_.next() <= until) {
      now_ = std::max(now_, events_.next());
      ++callbacks_run_;
      events_.Take()();
    }
  } catch (...) {
    is_firing_ = false;
    throw;
  }
  is_firing_ = false;
}

void SimGridWorld::RunClock() {
  try {
    for (;;) {
      if (ready_ > 0) {
        sg::this_actor::yield();  // the others' turn
      } else if (has_trash_ || events_.empty()) {
        LetSimGridCatchUp();
      } else {
        InKernel([this] {
          while (ready_ == 0 && !events_.empty()) RunDue(events_.next());
        });
      }
    }
  } catch (const std::exception&) {
    Fail(std::current_exception());
  }
}

// Without a callback to wait for, SimGrid finds that nothing can happen any more.
void SimGridWorld::LetSimGridCatchUp() {
  has_trash_ = false;
  if (!events_.empty()) {
    const double date = std::max(events_.next().value(), sg::Engine::get_clock());
    simgrid::kernel::timer::Timer::set(date, [self = sg::Actor::self()] { self->resume(); });
  }
  sg::this_actor::suspend();
}

void SimGridWorld::Start(const std::string& name, std::function<void()> body) {
  static const int kMax = MaxActivities();
  if (activities_ >= kMax) {
    throw RunError(fmt::format(
        "{} activities run at once, more than this machine can hold (vm.max_map_count allows {}); "
        "lower fleet.scale or fleet.max_sessions, or raise vm.max_map_count",
        activities_ + 1, kMax));
  }
  ++activities_;
  ++ready_;
  // In one step: an activity that ends at once must not become a daemon after its end.
  const auto create = [this, name, run = std::move(body)] {
    InKernel([&] {
      AddDaemon(name, *sg::Host::by_name(kCloudHost), [this, run] {
        RunActivity(run);
        --activities_;
      });
    });
  };
  is_firing_ ? create() : deferred_.push_back(create);
}

void SimGridWorld::RunActivity(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception&) {
    Fail(std::current_exception());
  }
  RunDeferred();
  --ready_;
  has_trash_ = true;
}

void SimGridWorld::Resume(simgrid::s4u::Actor* actor) {
  ++ready_;
  is_firing_ ? actor->resume() : deferred_.push_back([actor] { actor->resume(); });
}

void SimGridWorld::RunDeferred() {
  while (!deferred_.empty()) {
    const std::function<void()> call = std::move(deferred_.front());
    deferred_.pop_front();
    call();
  }
}

std::unique_ptr<Signal> SimGridWorld::MakeSignal() { return std::make_unique<ActorSignal>(*this); }

void SimGridWorld::Run(std::function<void()> main) {
  sg::Host& host = *sg::Host::by_name(kCloudHost);
  ++ready_;
  AddActor("main", host, [this, run = std::move(main)] {
    RunActivity(run);
    DropCallbacks();
  });
  if (!has_flows_) AddDaemon("clock", host, [this] { RunClock(); });
  engine_->engine.run();
  if (error_) std::rethrow_exception(error_);
}

// Else SimGrid would play them to the last, long after those whom they concern have gone.
void SimGridWorld::DropCallbacks() {
  has_ended_ = true;
  events_ = EventQueue();
  deferred_.clear();
  if (timer_ != nullptr) std::exchange(timer_, nullptr)->remove();
}

void SimGridWorld::Fail(std::exception_ptr error) {
  if (!error_) error_ = std::move(error);
  DropCallbacks();
  sg::Actor::kill_all();
}

void SimGridWorld::Transfer(Direction direction, int device, Bytes size,
                            const std::function<void()>& on_start) {
  HAT_CHECK(has_flows_);
  RunDeferred();
  sg::Host* const cloud = sg::Host::by_name(kCloudHost);
  sg::Host* const host = sg::Host::by_name(DeviceHost(device));
  const sg::CommPtr flow = direction == Direction::kUp ? sg::Comm::sendto_init(host, cloud)
                                                       : sg::Comm::sendto_init(cloud, host);
  flow->set_payload_size(static_cast<uint64_t>(size.value()))->start();
  if (on_start) on_start();
  flow->wait();
  now_ = std::max(now_, Seconds(sg::Engine::get_clock()));
}

void SimGridWorld::SetBandwidth(Direction direction, int device, BytesPerSecond rate) {
  // At a bandwidth of 0 running flows would keep the rate that they had (SimGrid 3.32). This one
  // lets a byte through in 12 days.
  constexpr double kStopped = 1e-6;
  sg::Link::by_name(DeviceLink(direction, device))->set_bandwidth(std::max(rate.value(), kStopped));
}

std::string SimGridWorld::Description() {
  std::string text = fmt::format("SimGrid {}.{}", SIMGRID_VERSION_MAJOR, SIMGRID_VERSION_MINOR);
  constexpr std::string_view kNetwork = "--cfg=network/";
  for (const std::string_view argument : kArguments) {
    if (argument.starts_with(kNetwork)) text += fmt::format(", {}", argument.substr(6));
  }
  return text;
}

int SimGridWorld::MaxActivities() {
  int maps = 65530;
  std::ifstream("/proc/sys/vm/max_map_count") >> maps;
  constexpr int kOtherMaps = 4000;  // the program's own, libraries, heap
  return std::max(0, (maps - kOtherMaps) / 2);
}

}  // namespace hat
