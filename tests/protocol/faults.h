// Faults for the rig: something breaks at one moment of a run.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "protocol/deployment.h"

namespace hat {

// Calls back at every event that an observer is told.
class EventCounter : public Observer {
 public:
  explicit EventCounter(std::function<void(int index)> on_event) : on_event_(std::move(on_event)) {}
  int events() const { return events_; }

  void OnArrival(const Request&) override { Tell(); }
  void OnStart(const Request&, Seconds) override { Tell(); }
  void OnDeviceOp(const DeviceOpEvent&) override { Tell(); }
  void OnFrame(const FrameEvent&) override { Tell(); }
  void OnAdmitted(int, int, Seconds) override { Tell(); }
  void OnStage(const StageEvent&) override { Tell(); }
  void OnRound(const RoundEvent&) override { Tell(); }
  void OnTokens(int, int, Seconds) override { Tell(); }
  void OnEnd(int, Outcome, Seconds) override { Tell(); }

 private:
  void Tell() { on_event_(events_++); }

  std::function<void(int)> on_event_;
  int events_ = 0;
};

// Links that can be cut, or lose or change the frames that arrive.
class FaultyLinks : public Links {
 public:
  // Called with each frame that arrives, of 0, 1, ...; false: it is lost.
  using OnArrival = std::function<bool(int index, int device, Frame& frame)>;

  FaultyLinks(std::unique_ptr<Links> links, OnArrival on_arrival)
      : links_(std::move(links)), on_arrival_(std::move(on_arrival)) {}

  // From now on nothing arrives from or at the device.
  void Cut(int device) { cut_.insert(device); }
  int frames() const { return frames_; }

  std::unique_ptr<Uplink> AddUplink(int device, FrameReceiver to_cloud) override {
    return links_->AddUplink(device, Through(std::move(to_cloud)));
  }
  void AddDownlink(int device, FrameReceiver to_device) override {
    links_->AddDownlink(device, Through(std::move(to_device)));
  }
  Downlinks& downlinks() override { return links_->downlinks(); }

 private:
  FrameReceiver Through(FrameReceiver receiver) {
    return [this, receiver = std::move(receiver)](int device, Frame frame) {
      if (cut_.contains(device)) return;
      const int index = frames_++;
      if (on_arrival_ && !on_arrival_(index, device, frame)) return;
      receiver(device, std::move(frame));
    };
  }

  std::unique_ptr<Links> links_;
  OnArrival on_arrival_;
  std::set<int> cut_;
  int frames_ = 0;
};

// A cloud compute of which the given call of RunStage throws.
class FailingCloudCompute : public CloudCompute {
 public:
  // `is_late`: after 3 ms, so that other batches may follow close behind.
  FailingCloudCompute(World& world, CloudCompute& compute, int& calls, int fails_at, bool is_late,
                      std::function<void(const Batch&)> on_failure)
      : world_(world),
        compute_(compute),
        calls_(calls),
        fails_at_(fails_at),
        is_late_(is_late),
        on_failure_(std::move(on_failure)) {}

  void RunStage(int stage, Batch& batch) override;
  void Forget(const SessionKey& session) override { compute_.Forget(session); }
  Seconds CrossStageLink(int stage, const Batch& batch) override {
    return compute_.CrossStageLink(stage, batch);
  }
  int CommitTokens(const BatchPart& part) override { return compute_.CommitTokens(part); }
  int Draft(const SessionKey& session, int most) override { return compute_.Draft(session, most); }

 private:
  World& world_;
  CloudCompute& compute_;
  int& calls_;  // of all replicas
  int fails_at_;
  bool is_late_;
  std::function<void(const Batch&)> on_failure_;
};

}  // namespace hat
