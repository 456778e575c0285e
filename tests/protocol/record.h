// An observer that keeps every event, for tests.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/observer.h"

namespace hat {

struct Record : Observer {
  struct Stage {
    Batch batch;  // without states
    int stage = 0;
    Span span;
    Seconds linked;
  };
  struct Admitted {
    int request = 0;
    int replica = 0;
    Seconds at;
  };

  std::map<int, Request> requests;
  std::map<int, Seconds> started, ended;
  std::map<int, std::string> failures;  // by request: why it did not complete
  std::vector<std::string> refused;     // frames: why
  std::vector<DeviceOpEvent> ops;
  std::vector<FrameEvent> frames;
  std::vector<Admitted> admitted;
  std::vector<Stage> stages;
  std::map<int, std::vector<RoundEvent>> rounds;               // by request
  std::map<int, std::vector<std::pair<int, Seconds>>> tokens;  // by request: how many, when

  void OnArrival(const Request& request) override { requests[request.id] = request; }
  void OnStart(const Request& request, Seconds at) override { started[request.id] = at; }
  void OnDeviceOp(const DeviceOpEvent& event) override { ops.push_back(event); }
  void OnFrame(const FrameEvent& event) override { frames.push_back(event); }
  void OnAdmitted(int request, int replica, Seconds at) override {
    admitted.push_back({request, replica, at});
  }
  void OnStage(const StageEvent& event) override {
    stages.push_back({*event.batch, event.stage, event.span, event.linked});
    for (BatchPart& part : stages.back().batch.parts) part.states.clear();
  }
  void OnRound(const RoundEvent& event) override { rounds[event.request].push_back(event); }
  void OnTokens(int request, int count, Seconds at) override {
    tokens[request].emplace_back(count, at);
  }
  void OnFailure(int request, std::string_view reason, Seconds) override {
    failures[request] = reason;
  }
  void OnEnd(int request, Outcome, Seconds at) override { ended[request] = at; }
  void OnRefused(int, const FrameHeader&, std::string_view why, Seconds) override {
    refused.emplace_back(why);
  }

  std::vector<DeviceOpEvent> OpsOf(int request) const {
    return Where(ops, [&](const DeviceOpEvent& e) { return e.request == request; });
  }
  std::vector<DeviceOpEvent> OpsOf(int request, DeviceOp op) const {
    return Where(ops, [&](const DeviceOpEvent& e) { return e.request == request && e.op == op; });
  }
  std::vector<FrameEvent> FramesOf(Direction direction, FrameKind kind) const {
    return Where(frames, [&](const FrameEvent& e) {
      return e.direction == direction && e.header.kind == kind;
    });
  }
  std::vector<Stage> StagesAt(int stage) const {
    return Where(stages, [&](const Stage& s) { return s.stage == stage; });
  }
  int TokensOut(int request) const {
    int sum = 0;
    if (const auto found = tokens.find(request); found != tokens.end()) {
      for (const auto& [count, at] : found->second) sum += count;
    }
    return sum;
  }

 private:
  template <class T, class Predicate>
  static std::vector<T> Where(const std::vector<T>& all, Predicate predicate) {
    std::vector<T> some;
    std::copy_if(all.begin(), all.end(), std::back_inserter(some), predicate);
    return some;
  }
};

}  // namespace hat
