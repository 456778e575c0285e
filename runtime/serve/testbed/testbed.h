// The programs of a replay, from their start to what they leave: a cloud and a device each, on this
// machine or on an inventory's.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/scratch_folder.h"
#include "experiments/scenario/workload.h"
#include "runtime/serve/testbed/part_program.h"
#include "runtime/serve/testbed/replay.h"

namespace hat {

class Testbed {
 public:
  // References outlive the object. `inventory`: null for programs of this machine.
  Testbed(const ReplayOptions& options, const Scenario& scenario, const Inventory* inventory);
  // Programs that have not been told to stop have nothing left to say.
  ~Testbed();

  // The whole run. Throws InputError: a host of the inventory cannot be used; RunError.
  void Play();
  void AskWholeModel();
  // What the parts have written: merged.
  std::vector<std::string> event_files() const;
  Receipt MergedReceipt() const;
  const std::vector<std::string>& lost() const { return lost_; }

 private:
  struct Part {
    std::unique_ptr<PartProgram> program;
    int ended = 0;  // requests
    bool is_done = false;
    bool is_lost = false;
    Seconds lost_at;          // in the run
    bool is_stopped = false;  // and has written its files
    std::optional<LinkMeasurement> link_before, link_after;

    TalkingChild& child() { return program->child(); }
  };
  static void Kill(Part& part);

  // `host`: null for this machine.
  Part Start(const std::string& role, const std::string& name, const InventoryHost* host,
             const std::vector<std::string>& more);
  void StartAll();
  void StartHere();
  void StartOnHosts();
  void MakeLinks();
  void AwaitReady(Part& part);
  void Connect();
  void MeasureLinks(std::optional<LinkMeasurement> Part::*when);
  void Serve();
  void HearDevice(Part& part);
  void Lose(Part& part);
  void UnlessLost(Part& part, const std::function<void()>& work);
  void Stop(Part& part);
  // The requests of devices that were lost have failed; who would have told so is gone.
  void TellOfLost() const;
  // Throws RunError if the user has had enough. For calls that wait.
  PartProgram::Meanwhile Ended(int ended) const;
  int request_count() const { return static_cast<int>(requests_.size()); }
  // Not the programs' own: those can be measured, and need not be as the scenario has them.
  bool has_real_links() const { return inventory_ || options_.is_kernel_shaped; }
  void Log(const std::string& line) const;

  const ReplayOptions& options_;
  const Scenario& scenario_;
  const Inventory* inventory_;
  std::vector<Request> requests_;
  ScratchFolder scratch_{"hat-replay"};
  Part cloud_;
  std::vector<Part> devices_;
  std::vector<std::string> lost_;
  std::string address_;                          // of the cloud
  std::chrono::steady_clock::time_point start_;  // of the run
  Part whole_model_;                             // no program: it was not asked
};

}  // namespace hat
