#include "runtime/serve/testbed/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "core/child_processes.h"
#include "core/error.h"
#include "core/files.h"
#include "core/machine.h"
#include "core/scratch_folder.h"
#include "core/talking_child.h"
#include "experiments/hardware/scenario_profiles.h"
#include "experiments/laws/laws.h"
#include "experiments/results/run_setup.h"
#include "experiments/scenario/workload.h"
#include "experiments/watch/event_file.h"
#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/testbed/part.h"

namespace hat {
namespace {

constexpr double kLoadTimeout_s = 120;
// From the moment when all are ready: so long a connection takes each, and so long all of them.
constexpr double kConnect_s = 0.03, kConnectAll_s = 1.5;
constexpr const char* kLostFile = "lost.events.jsonl";
constexpr Bytes kProcessMemory(200e6);

Scenario LoadReplayable(const ReplayOptions& options) {
  Scenario scenario = LoadScenario(options.scenario, options.overrides);
  const auto refuse = [&](const std::string& why) {
    throw InputError(fmt::format("{}: cannot be replayed: {}", options.scenario, why));
  };
  if (!scenario.system.is_split()) {
    refuse(fmt::format("system '{}' is not split between device and cloud", scenario.system.name));
  }
  if (scenario.link.kind == LinkConfig::Kind::kShared) refuse("its links are shared");
  if (scenario.workload.arrivals.kind == ArrivalConfig::Kind::kClosedLoop) {
    refuse("a closed loop's arrivals are known only while it runs; take an open loop or a replay");
  }
  if (scenario.fleet.draft_batching) refuse("fleet.draft_batching is the simulator's alone");
  return scenario;
}

class Testbed {
 public:
  Testbed(const ReplayOptions& options, const Scenario& scenario)
      : options_(options), scenario_(scenario), requests_(AllRequests(scenario)) {}
  // Programs that have not been told to stop have nothing left to say.
  ~Testbed() {
    for (Part& part : devices_) Kill(part);
    Kill(cloud_);
    Kill(whole_model_);
  }

  void Play();  // the whole run
  void AskWholeModel();
  // The requests of devices that were lost have failed; who would have told so is gone.
  void TellOfLost() const;
  // What the parts have written: merged.
  std::vector<std::string> event_files() const;
  Receipt MergedReceipt() const;
  const std::vector<std::string>& lost() const { return lost_; }

 private:
  struct Part {
    std::unique_ptr<TalkingChild> child;
    PartFiles files;  // that it writes
    int ended = 0;    // requests
    bool is_done = false;
    bool is_lost = false;
    Seconds lost_at;          // in the run
    bool is_stopped = false;  // and has written its files
  };
  static void Kill(Part& part) {
    if (part.child && !part.is_stopped) part.child->Kill();
  }

  std::unique_ptr<TalkingChild> Start(const std::string& role, const std::string& name,
                                      const PartFiles& files, const std::vector<std::string>& more);
  void StartAll();
  void Connect();
  void Serve();
  void HearDevice(Part& part);
  // Its next line. Throws RunError: none within `timeout_s`, it has ended, or the user has had
  // enough.
  std::string Hear(TalkingChild& child, double timeout_s, int ended = 0) const;
  void Stop(Part& part);
  void RequireProgress(int ended) const {
    if (options_.on_progress && !options_.on_progress({double(ended), double(requests_.size())})) {
      throw RunError("interrupted");
    }
  }
  int request_count() const { return static_cast<int>(requests_.size()); }
  void Log(const std::string& line) const {
    if (options_.log) options_.log(line);
  }

  const ReplayOptions& options_;
  const Scenario& scenario_;
  std::vector<Request> requests_;
  ScratchFolder scratch_{"hat-replay"};
  Part cloud_;
  std::vector<Part> devices_;
  std::vector<std::string> lost_;
  std::chrono::steady_clock::time_point start_;  // of the run
  Part whole_model_;                             // no child: it was not asked
};

std::unique_ptr<TalkingChild> Testbed::Start(const std::string& role, const std::string& name,
                                             const PartFiles& files,
                                             const std::vector<std::string>& more) {
  std::vector<std::string> words{ProgramFolder() + "/hat-live", "testbed", role};
  const auto add = [&words](const std::string& flag, const std::string& value) {
    words.push_back(flag + "=" + value);
  };
  add("--scenario", options_.scenario);
  for (const std::string& override : options_.overrides) add("--set", override);
  add("--model", options_.model);
  add("--time-scale", fmt::format("{}", options_.time_scale));
  add("--threads", std::to_string(options_.threads));
  add("--files", files.prefix);
  if (!options_.is_paced) words.push_back("--unpaced");
  words.insert(words.end(), more.begin(), more.end());
  return std::make_unique<TalkingChild>(name, words);
}

std::string Testbed::Hear(TalkingChild& child, double timeout_s, int ended) const {
  return child.Hear(timeout_s, [this, ended] { RequireProgress(ended); });
}

void Testbed::StartAll() {
  const int count = scenario_.devices();
  MakeKeys(scratch_ / "keys",
           {.devices = NumberedDevices(count), .hosts = {"127.0.0.1"}, .days = 30});
  cloud_.files = {scratch_ / "cloud"};
  cloud_.child = Start("cloud", "the cloud", cloud_.files, {"--keys=" + (scratch_ / "keys/cloud")});
  for (int d = 0; d < count; ++d) {
    const std::string name = fmt::format("device-{}", d);
    Part part;
    part.files = {scratch_ / name};
    std::vector<std::string> more{"--keys=" + (scratch_ / ("keys/" + name)),
                                  fmt::format("--device={}", d), "--prompts=" + options_.prompts};
    part.child = Start("device", name, part.files, more);
    devices_.push_back(std::move(part));
  }
  const auto expect_ready = [this](Part& part) {
    const std::string line = Hear(*part.child, kLoadTimeout_s);
    if (line != "ready") throw RunError(fmt::format("{} says '{}'", part.child->name(), line));
  };
  expect_ready(cloud_);
  for (Part& part : devices_) expect_ready(part);
}

// The run begins once all are connected: its time 0 is told before.
void Testbed::Connect() {
  using std::chrono::nanoseconds;
  using std::chrono::steady_clock;
  const std::chrono::duration<double> lead(kConnectAll_s + kConnect_s * scenario_.devices());
  const auto start = steady_clock::now() + std::chrono::duration_cast<nanoseconds>(lead);
  const int64_t start_ns = start.time_since_epoch().count();
  start_ = start;
  cloud_.child->Say(fmt::format("start {}", start_ns));
  const std::string listening = Hear(*cloud_.child, 10);
  constexpr std::string_view kListening = "listening ";
  if (!listening.starts_with(kListening)) {
    throw RunError(fmt::format("the cloud says '{}'", listening));
  }
  const std::string address = "127.0.0.1:" + listening.substr(kListening.size());
  for (Part& part : devices_) part.child->Say(fmt::format("start {} {}", start_ns, address));
  for (Part& part : devices_) {
    const std::string line = Hear(*part.child, 30);
    if (line != "connected") throw RunError(fmt::format("{} says '{}'", part.child->name(), line));
  }
  if (steady_clock::now() > start) {
    throw RunError(
        "this machine took too long to connect all devices; fewer devices, or a faster machine");
  }
}

void Testbed::HearDevice(Part& part) {
  constexpr std::string_view kEnded = "ended ";
  while (const std::optional<std::string> line = part.child->TryHear()) {
    if (*line == "done") {
      part.is_done = true;
    } else if (line->starts_with(kEnded)) {
      part.ended = std::stoi(line->substr(kEnded.size()));
    }
  }
  if (part.is_done || !part.child->has_ended()) return;
  part.is_done = part.is_lost = true;
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - start_;
  part.lost_at = Seconds(std::max(0.0, since.count() / options_.time_scale));
  const std::string why = part.child->last_error();
  lost_.push_back(
      fmt::format("{}: {}", part.child->name(),
                  why.empty() ? fmt::format("ended with code {}", part.child->exit_code()) : why));
  Log(lost_.back());
}

void Testbed::Serve() {
  const auto is_done = [](const Part& part) { return part.is_done; };
  while (!std::ranges::all_of(devices_, is_done)) {
    int ended = 0;
    for (Part& part : devices_) {
      HearDevice(part);
      ended += part.ended;
    }
    if (cloud_.child->has_ended()) {
      throw RunError(fmt::format("the cloud has ended: {}", cloud_.child->last_error()));
    }
    while (const std::optional<std::string> line = cloud_.child->TryHear()) Log("cloud: " + *line);
    RequireProgress(ended);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void Testbed::Stop(Part& part) {
  if (part.is_lost) return;
  part.child->Say("stop");
  while (Hear(*part.child, 60, request_count()) != "written") {
  }
  part.is_stopped = true;
}

void Testbed::Play() {
  StartAll();
  Connect();
  Serve();
  for (Part& part : devices_) Stop(part);
  Stop(cloud_);
  if (!lost_.empty()) TellOfLost();
}

void Testbed::AskWholeModel() {
  whole_model_.files = {scratch_ / "whole"};
  whole_model_.child =
      Start("reference", "the whole model", whole_model_.files, {"--prompts=" + options_.prompts});
  Log("the whole model answers, for the receipt");
  while (Hear(*whole_model_.child, 120, request_count()) != "written") {
  }
  whole_model_.is_stopped = true;
}

void Testbed::TellOfLost() const {
  struct Told {
    Seconds at;
    bool is_end;
    Request request;
  };
  std::vector<Told> told;
  for (const Request& request : requests_) {
    const Part& part = devices_[static_cast<size_t>(request.device)];
    if (!part.is_lost) continue;
    told.push_back({request.arrival, false, request});
    told.push_back({std::max(request.arrival, part.lost_at), true, request});
  }
  std::ranges::stable_sort(told, {}, &Told::at);
  EventWriter writer(scratch_ / kLostFile);
  for (const Told& event : told) {
    if (!event.is_end) {
      writer.OnArrival(event.request);
      continue;
    }
    writer.OnFailure(event.request.id, "its device was lost", event.at);
    writer.OnEnd(event.request.id, Outcome::kFailed, event.at);
  }
  writer.Finish();
}

std::vector<std::string> Testbed::event_files() const {
  std::vector<std::string> files;
  if (!lost_.empty()) files.push_back(scratch_ / kLostFile);
  for (const Part& part : devices_) {
    if (!part.is_lost) files.push_back(part.files.events());
  }
  files.push_back(cloud_.files.events());
  return files;
}

Receipt Testbed::MergedReceipt() const {
  std::vector<PartFiles> parts;
  for (const Part& part : devices_) {
    if (!part.is_lost) parts.push_back(part.files);
  }
  parts.push_back(cloud_.files);
  Receipt receipt = MergeParts(parts);
  if (whole_model_.child) AddReference(whole_model_.files, receipt);
  receipt.time_scale = options_.time_scale;
  receipt.shaping = options_.is_paced ? "transport" : "none";
  return receipt;
}

}  // namespace

ReplayResult Replay(const ReplayOptions& options) {
  std::optional<ResultFolder> folder;
  if (!options.out.empty()) folder.emplace(options.out, options.replaces);
  const Scenario scenario = LoadReplayable(options);
  const Fleet fleet(scenario);
  ProfileReader reader;
  const ScenarioProfiles profiles = ScenarioProfiles::Read(scenario, reader);
  profiles.CheckCover(scenario, Workload(scenario));

  Testbed testbed(options, scenario);
  testbed.Play();
  if (options.has_reference) testbed.AskWholeModel();

  ReplayResult result;
  result.info = RunInfoOf(scenario, profiles.infos(), "live processes on one machine");
  result.info.world = options.is_paced ? "emulated" : "measured";
  result.lost = testbed.lost();
  result.receipt = testbed.MergedReceipt();
  result.recorder = std::make_unique<Recorder>(RecorderOptionsOf(scenario, fleet));
  ObserverList observers;
  observers.Add(result.recorder.get());
  std::optional<Laws> laws;
  if (options.checks_laws) observers.Add(&laws.emplace(LawOptionsOf(scenario)));
  std::optional<EventWriter> events;
  if (folder && options.keeps_events) {
    observers.Add(&events.emplace(folder->staging() + "/events.jsonl"));
  }
  ReadEvents(testbed.event_files(), observers);
  if (events) events->Finish();
  if (laws) {
    laws->Finish(!result.lost.empty());
    laws->Require();
  }
  result.summary_json = SummaryJson(*result.recorder, result.info);
  if (folder) {
    WriteResults(*folder, *result.recorder, result.info);
    folder->Write("receipt.json", ReceiptJson(result.receipt));
    folder->Commit();
  }
  return result;
}

ReplayNeeds NeedsOf(const ReplayOptions& options) {
  const Scenario scenario = LoadReplayable(options);
  const std::vector<Request> requests = AllRequests(scenario);
  ReplayNeeds needs;
  needs.processes = scenario.devices() + 1;
  needs.memory = kProcessMemory * needs.processes;
  needs.requests = static_cast<int>(requests.size());
  const Seconds last = requests.empty() ? Seconds(0) : requests.back().arrival;
  needs.duration = last * options.time_scale;
  return needs;
}

}  // namespace hat
