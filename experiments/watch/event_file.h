// A run's events as records, a JSON object per line (docs/formats.md#events). A device and a cloud
// that are processes of their own write a file each; merged by time they make one stream, which
// Recorder, Laws and Timeline take as if they had been there.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/files.h"
#include "protocol/observer.h"

namespace hat {

// Writes every event that it is told, in the order of telling. One thread. The file appears with
// Finish().
class EventWriter : public Observer {
 public:
  explicit EventWriter(const std::string& path);  // throws InputError, RunError

  void OnArrival(const Request& request) override;
  void OnStart(const Request& request, Seconds at) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnAdmitted(int request, int replica, Seconds at) override;
  void OnStage(const StageEvent& event) override;
  void OnStageFailed(const Batch& batch, int stage, const Span& span) override;
  void OnRound(const RoundEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnFailure(int request, std::string_view reason, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;
  void OnRefused(int device, const FrameHeader& header, std::string_view why, Seconds at) override;

  void Finish();  // throws RunError (disk full)

 private:
  // Begins a line, of an event that is told at `at`.
  void Begin(Seconds at, std::string_view what);
  void Add(std::string_view key, Seconds time);
  void Add(std::string_view key, int64_t number);
  void AddText(std::string_view key, std::string_view text);
  void AddRequest(const Request& request);
  void AddSpan(const Span& span);
  void AddBatch(const Batch& batch);
  void End();

  AtomicFile file_;
  fmt::memory_buffer line_;
};

// Tells `observer` the events of all files in the order of their times; at one time those of the
// file that is named first come first, those of one file in its order. Holds all of them in memory,
// about 300 bytes each. Throws InputError for a line that is no event (names file and line).
void ReadEvents(const std::vector<std::string>& paths, Observer& observer);

}  // namespace hat
