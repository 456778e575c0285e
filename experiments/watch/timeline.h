// Every event of a run in the Chrome trace format, for ui.perfetto.dev or chrome://tracing. A
// device is a process, its sessions are threads; a device's link is a process with an uplink and a
// downlink; a cloud replica is a process, its stages are threads. Times in microseconds. About 100
// bytes per event. One thread.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/files.h"
#include "protocol/observer.h"

namespace hat {

class Timeline : public Observer {
 public:
  // Keeps the text in memory: Json() has it.
  Timeline();
  // Writes as events come, to a file that appears with Finish(). Throws RunError.
  explicit Timeline(const std::string& path);

  void OnArrival(const Request& request) override;
  void OnDeviceOp(const DeviceOpEvent& event) override;
  void OnFrame(const FrameEvent& event) override;
  void OnStage(const StageEvent& event) override;
  void OnTokens(int request, int count, Seconds at) override;
  void OnEnd(int request, Outcome outcome, Seconds at) override;

  std::string Json() const;  // the document so far, complete
  void Finish();             // throws RunError (disk full)

 private:
  void Name(int process, std::string_view kind, int number);
  void NameThread(int process, int thread, std::string_view kind, int number);
  // A complete event ("X"); `arguments` is the inside of a JSON object.
  void AddEvent(int process, int thread, std::string_view name, Seconds start, Seconds end,
                std::string_view arguments);
  void Separate();
  void Flush();

  std::optional<AtomicFile> file_;
  fmt::memory_buffer text_;
  bool is_empty_ = true;
  std::unordered_set<int64_t> named_;
  std::unordered_map<int, Request> running_;
};

}  // namespace hat
