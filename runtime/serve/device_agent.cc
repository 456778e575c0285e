#include "runtime/serve/device_agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/error.h"
#include "core/steady_time.h"

namespace hat {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kFirstPause_s = 0.1, kLongestPause_s = 2;  // each is twice the one before

double SecondsUntil(Clock::time_point end) {
  return std::chrono::duration<double>(end - Clock::now()).count();
}

}  // namespace

// What the links' devices tell of sessions, told of requests: the beginning once, the end by OnEnd.
class DeviceAgent::OneRequestEach : public ObserverList {
 public:
  explicit OneRequestEach(DeviceAgent& agent) : agent_(agent) { Add(&agent.setup_.link.observer); }

  void OnArrival(const Request&) override {}
  void OnStart(const Request& request, Seconds at) override {
    {
      const std::lock_guard lock(agent_.mutex_);
      if (std::exchange(agent_.asked_.at(request.id).is_started, true)) return;
    }
    ObserverList::OnStart(request, at);
  }
  void OnTokens(int request, int count, Seconds at) override {
    {
      const std::lock_guard lock(agent_.mutex_);
      agent_.asked_.at(request).tokens += count;
    }
    ObserverList::OnTokens(request, count, at);
  }
  void OnFailure(int, std::string_view, Seconds) override {}
  void OnEnd(int, Outcome, Seconds) override {}

 private:
  DeviceAgent& agent_;
};

DeviceAgent::DeviceAgent(Setup setup)
    : setup_(std::move(setup)), observer_(std::make_unique<OneRequestEach>(*this)) {
  links_.push_back(Connect(setup_.link.wire.timeout_s));
}

DeviceAgent::~DeviceAgent() {
  std::unique_lock lock(mutex_);
  is_leaving_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !is_connecting_; });
}

std::unique_ptr<DeviceLink> DeviceAgent::Connect(double timeout_s) {
  const DeviceLink::Setup& own = setup_.link;
  DeviceLink::Setup link{
      .world = own.world,
      .agreement = own.agreement,
      .policies = own.policies,
      .observer = *observer_,
      .device = own.device,
      .max_sessions = own.max_sessions,
      .max_positions = own.max_positions,
      .answer_timeout = own.answer_timeout,
      .make_compute = own.make_compute,
      .on_end = [this](const Request& request, const SessionEnd& end) { OnEnd(request, end); },
      .wire = own.wire,
      .uplink = own.uplink,
      .lateness = own.lateness};
  link.wire.timeout_s = timeout_s;
  return std::make_unique<DeviceLink>(std::move(link));
}

void DeviceAgent::OnArrival(const Request& request) {
  setup_.link.observer.OnArrival(request);
  {
    const std::lock_guard lock(mutex_);
    asked_[request.id] = {.request = request};
  }
  Serve(request);
}

// `request`: what is left of it.
void DeviceAgent::Serve(const Request& request) {
  DeviceLink* link = nullptr;
  {
    const std::lock_guard lock(mutex_);
    link = links_.back().get();
    const bool waits = is_connecting_ || (setup_.retries > 0 && link->lost());
    if (waits) waiting_.push_back(request);
    if (waits && !std::exchange(is_connecting_, true)) {
      setup_.link.world.Start(fmt::format("device {} reconnects", setup_.link.device),
                              [this] { Reconnect(); });
    }
    if (waits) return;
  }
  link->OnArrival(request);
}

void DeviceAgent::OnEnd(const Request& request, const SessionEnd& end) {
  Asked asked;
  bool goes_on = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = asked_.find(request.id);
    goes_on = end.may_go_on && found->second.retries++ < setup_.retries;
    asked = found->second;
    if (!goes_on) asked_.erase(found);
  }
  if (goes_on) {
    Request rest = asked.request;
    rest.prompt_tokens += asked.tokens;
    rest.output_tokens -= asked.tokens;
    return Serve(rest);
  }
  Observer& observer = setup_.link.observer;
  const Seconds now = setup_.link.world.Now();
  if (end.outcome != Outcome::kCompleted) observer.OnFailure(request.id, end.reason, now);
  observer.OnEnd(request.id, end.outcome, now);
  setup_.link.on_end(asked.request, end);
}

void DeviceAgent::Reconnect() {
  DeviceLink& before = *links_.back();
  std::string why;
  std::unique_ptr<DeviceLink> link = TryToConnect(&why);
  const bool has_link = link != nullptr;
  if (has_link) before.HangUp();
  if (!has_link) {
    why =
        fmt::format("{}; no other one within {:g} s: {}", *before.lost(), setup_.reconnect_s, why);
  }
  std::vector<Request> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
    if (has_link) links_.push_back(std::move(link));
    is_connecting_ = false;
    changed_.notify_all();
  }
  for (const Request& request : waiting) {
    if (has_link) {
      Serve(request);
    } else {
      OnEnd(request, {Outcome::kFailed, why});
    }
  }
}

std::unique_ptr<DeviceLink> DeviceAgent::TryToConnect(std::string* why) {
  const auto end = Clock::now() + SteadySpan(setup_.reconnect_s);
  for (double pause_s = kFirstPause_s;; pause_s = std::min(2 * pause_s, kLongestPause_s)) {
    try {
      return Connect(std::min(setup_.link.wire.timeout_s, std::max(0.1, SecondsUntil(end))));
    } catch (const RunError& error) {
      *why = error.what();
    }
    std::unique_lock lock(mutex_);
    if (SecondsUntil(end) < pause_s ||
        changed_.wait_for(lock, std::chrono::duration<double>(pause_s),
                          [this] { return is_leaving_; })) {
      return nullptr;
    }
  }
}

std::optional<std::string> DeviceAgent::lost() const {
  const std::lock_guard lock(mutex_);
  return links_.back()->lost();
}

Seconds DeviceAgent::round_trip() const {
  const std::lock_guard lock(mutex_);
  return links_.back()->round_trip();
}

Seconds DeviceAgent::silence() const {
  const std::lock_guard lock(mutex_);
  return links_.back()->silence();
}

}  // namespace hat
