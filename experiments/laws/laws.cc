#include "experiments/laws/laws.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "experiments/laws/cause_laws.h"
#include "experiments/laws/request_laws.h"
#include "experiments/laws/resource_laws.h"

namespace hat {

void Violations::Add(std::string_view law, const std::string& what) {
  if (count_++ < static_cast<int64_t>(kKept)) kept_.push_back(fmt::format("{}: {}", law, what));
}

class Laws::Clock : public Observer {
 public:
  Clock(const LawOptions& options, Violations& violations)
      : tolerance_(options.tolerance), violations_(violations) {}

  void OnArrival(const Request& request) override { Tell("an arrival", {request.arrival}); }
  void OnStart(const Request&, Seconds at) override { Tell("a start", {at}); }
  void OnDeviceOp(const DeviceOpEvent& event) override {
    Tell(Name(event.op), {event.span.requested, event.span.start, event.span.end});
  }
  void OnFrame(const FrameEvent& event) override {
    Tell("a frame", {event.sent, event.start, event.left, event.arrived});
  }
  void OnAdmitted(int, int, Seconds at) override { Tell("an admission", {at}); }
  void OnStage(const StageEvent& event) override {
    // Told when computing ends; the batch may cross the stage link after that.
    Tell("a stage", {event.span.requested, event.span.start, event.span.end});
    if (event.linked < event.span.end) Broken("a stage", event.linked, event.span.end);
  }
  void OnRound(const RoundEvent& event) override { Tell("a round", {event.at}); }
  void OnTokens(int, int, Seconds at) override { Tell("tokens", {at}); }
  void OnEnd(int, Outcome, Seconds at) override { Tell("an end", {at}); }

  int64_t told() const { return told_; }

 private:
  void Tell(std::string_view what, std::initializer_list<Seconds> times) {
    ++told_;
    Seconds before;
    for (const Seconds time : times) {
      if (!time.IsFinite() || time < before - tolerance_) Broken(what, time, before);
      before = time;
    }
    if (before < now_ - tolerance_) Broken(what, before, now_);
    now_ = std::max(now_, before);
  }

  void Broken(std::string_view what, Seconds time, Seconds before) {
    violations_.Add("clock", fmt::format("{} at {:.9g} s follows {:.9g} s", what, time.value(),
                                         before.value()));
  }

  Seconds tolerance_;
  Seconds now_;
  int64_t told_ = 0;
  Violations& violations_;
};

Laws::Laws(const LawOptions& options)
    : requests_(std::make_unique<RequestLaws>(options, violations_)),
      resources_(std::make_unique<ResourceLaws>(options, violations_)),
      causes_(std::make_unique<CauseLaws>(options, violations_)),
      clock_(std::make_unique<Clock>(options, violations_)) {
  Add(clock_.get());
  Add(requests_.get());
  Add(resources_.get());
  Add(causes_.get());
}

Laws::~Laws() = default;

int64_t Laws::events() const { return clock_->told(); }

void Laws::Finish(bool is_partial) {
  requests_->Finish(is_partial);
  resources_->Finish();
}

void Laws::Require() const {
  if (violations_.count() == 0) return;
  throw RunError(
      fmt::format("broken law: {} ({} in all)", violations_.kept().front(), violations_.count()));
}

}  // namespace hat
