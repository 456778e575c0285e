// hat testbed cloud|device|reference: one program of a testbed, for 'hat replay'. It is talked to
// on stdin and stdout: it says "ready COMMIT" once all is loaded; "start NS [ADDRESS]" tells when
// the run's time 0 is, on the machine's steady clock; "stop" ends it, and "written" is its last
// word. A device says "ended N" after each request, and "done" after the last. At any time between,
// "clock" is answered with "clock NS", and by a device "probe ADDRESS" with "probed ROUND_TRIP_MS
// UP_MBPS DOWN_MBPS". With --remote its inputs come first, and its files go last (sent_files.h).
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cli/live_verbs.h"
#include "cli/model_options.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "core/scratch_folder.h"
#include "experiments/hardware/profiled_device.h"
#include "experiments/hardware/profiled_replica.h"
#include "experiments/hardware/scenario_profiles.h"
#include "experiments/scenario/fleet.h"
#include "experiments/scenario/scenario.h"
#include "experiments/scenario/workload.h"
#include "experiments/traces/prompt_file.h"
#include "experiments/watch/event_file.h"
#include "protocol/locked_observer.h"
#include "runtime/agent/cloud_program.h"
#include "runtime/agent/device_program.h"
#include "runtime/model/compute.h"
#include "runtime/model/config.h"
#include "runtime/pace/hardware_pace.h"
#include "runtime/serve/testbed/part.h"
#include "runtime/serve/testbed/sent_files.h"
#include "runtime/serve/wire/link_probe.h"
#include "runtime/trace/trace_recording.h"

namespace hat {
namespace {

// Of this machine's clock: several times what a stream over loopback takes.
constexpr Seconds kLead(1e-3);
// Likewise: a thread that wakes when its operation has ended, and begins the next one.
constexpr Seconds kAtOnce(1e-3);

struct TestbedOptions {
  std::string scenario;
  std::vector<std::string> overrides;
  std::string model, keys, prompts, files, host, hardware;
  std::string listen = "127.0.0.1:0";
  double time_scale = 1;
  int device = 0;
  int threads = 1;
  bool is_unpaced = false;
  bool is_kernel_shaped = false;
  bool is_remote = false;
};

enum class Part { kCloud, kDevice, kReference };

void AddOptions(CommandLine& line, TestbedOptions& options, Part part) {
  line.description("One program of a testbed; 'hat replay' starts it and talks to it.");
  line.add_option("--scenario", options.scenario, "a TOML file")->required();
  line.add_option("--set", options.overrides, "KEY=VALUE of it")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  line.add_option("--model", options.model, "folder of the checkpoint that serves")
      ->required()
      ->transform(ShippedPath);
  CLI::Option* files =
      line.add_option("--files", options.files, "prefix of the files that it writes");
  line.add_flag("--remote", options.is_remote,
                "inputs come on stdin, and names are of those; files go to stdout")
      ->excludes(files);
  line.add_option("--host", options.host, "what this machine is called, for the receipt");
  line.add_option("--hardware", options.hardware, "what it is, likewise");
  line.add_option("--time-scale", options.time_scale, "seconds here per second of the scenario")
      ->check(CLI::PositiveNumber);
  line.add_option("--threads", options.threads, "that compute")->check(CLI::Range(1, 1024));
  line.add_flag("--unpaced", options.is_unpaced, "compute and links as they are");
  if (part != Part::kReference) {
    line.add_flag("--kernel-shaped", options.is_kernel_shaped, "the kernel keeps links' rates");
    line.add_option("--keys", options.keys, "this program's folder of keys")->required();
  }
  if (part == Part::kCloud) {
    line.add_option("--listen", options.listen, "address and port");
  }
  if (part == Part::kDevice) {
    line.add_option("--device", options.device, "its number")->required();
  }
  if (part != Part::kCloud) {
    line.add_option("--prompts", options.prompts, "CSV with token ids")->required();
  }
}

void TellController(const std::string& line) { PrintResult(line + "\n"); }

// From a thread that serves. That nobody hears it ends the program by its stdin (Expect).
void TellIfHeard(const std::string& line) {
  try {
    TellController(line);
  } catch (const RunError&) {
  }
}

// Files that come from the controller's machine, and lie here for as long as this lives.
class Inputs {
 public:
  // Makes the options' names those of files here.
  explicit Inputs(TestbedOptions& options) {
    if (!options.is_remote) return;
    folder_.emplace("hat-testbed");
    ReceiveInputs(std::cin, *folder_ / "inputs");
    options.scenario = *folder_ / ("inputs/" + options.scenario);
    if (!options.prompts.empty()) options.prompts = *folder_ / ("inputs/" + options.prompts);
    options.files = *folder_ / "part";
  }

 private:
  std::optional<ScratchFolder> folder_;
};

// What the controller says and asks.
class Controller {
 public:
  explicit Controller(const TestbedOptions& options) : options_(options) {}

  void SayReady() const { TellController("ready " + BuildCommit()); }

  // Waits for `word`, and answers what is asked meanwhile. Returns it and its arguments.
  std::vector<std::string> Expect(const std::string& word, size_t arguments) const {
    for (;;) {
      std::string line;
      if (!std::getline(std::cin, line)) throw RunError("the controller has gone");
      const std::vector<std::string> words = WordsIn(line);
      if (words.size() == arguments + 1 && words.front() == word) return words;
      if (!Answer(words)) throw RunError(fmt::format("expected '{}', heard '{}'", word, line));
    }
  }

 private:
  static std::vector<std::string> WordsIn(const std::string& line) {
    std::vector<std::string> words;
    for (size_t at = 0; at < line.size();) {
      const size_t end = std::min(line.find(' ', at), line.size());
      words.push_back(line.substr(at, end - at));
      at = end + 1;
    }
    return words;
  }

  bool Answer(const std::vector<std::string>& words) const {
    if (words == std::vector<std::string>{"clock"}) {
      TellController(fmt::format("clock {}", ThreadWorld::Clock::now().time_since_epoch().count()));
      return true;
    }
    if (words.size() != 2 || words.front() != "probe") return false;
    const LinkMeasurement link = ProbeLink(words[1]);
    TellController(
        fmt::format("probed {} {} {}", link.round_trip_ms, link.up_mbps, link.down_mbps));
    return true;
  }

  LinkMeasurement ProbeLink(const std::string& address) const {
    constexpr int kTrips = 21;
    constexpr Seconds kEachWay(0.5);
    const DeviceKeys keys = ReadDeviceKeys(options_.keys);
    LinkProbe probe({.cloud = address,
                     .tls = {keys.ca_pem, keys.certificate_pem, keys.key_pem},
                     .token = keys.token});
    std::vector<double> trips_ms;
    for (int i = 0; i < kTrips; ++i) trips_ms.push_back(ToMilliseconds(probe.RoundTrip()));
    std::ranges::sort(trips_ms);
    return {trips_ms[kTrips / 2], ToMegabitsPerSecond(probe.Upload(kEachWay).rate()),
            ToMegabitsPerSecond(probe.Download(kEachWay).rate())};
  }

  const TestbedOptions& options_;
};

ThreadWorld::Clock::time_point PointOf(const std::string& nanoseconds) {
  int64_t count = 0;
  const char* const end = nanoseconds.data() + nanoseconds.size();
  if (std::from_chars(nanoseconds.data(), end, count).ptr != end) {
    throw RunError(fmt::format("'{}' is no time", nanoseconds));
  }
  return ThreadWorld::Clock::time_point(std::chrono::nanoseconds(count));
}

// What both kinds of program have loaded.
struct Loaded {
  explicit Loaded(const TestbedOptions& options)
      : scenario(LoadScenario(options.scenario, options.overrides)),
        fleet(scenario),
        requests(AllRequests(scenario)),
        profiles(ScenarioProfiles::Read(scenario, reader)) {}

  Scenario scenario;
  Fleet fleet;
  std::vector<Request> requests;
  ProfileReader reader;
  ScenarioProfiles profiles;
};

// As draft traces are recorded, fp32, where the frames of the imitated model have room for it.
Dtype StateDtype(const Scenario& scenario, const ModelConfig& served) {
  const int frame_bytes = scenario.model.hidden * BytesPerValue(scenario.wire_dtype);
  const int fp32_bytes = served.shape.hidden * BytesPerValue(Dtype::kFloat32);
  return fp32_bytes <= frame_bytes ? Dtype::kFloat32 : scenario.wire_dtype;
}

ServedOptions ServedOptionsOf(const TestbedOptions& options, const Loaded& loaded) {
  const Scenario& scenario = loaded.scenario;
  ModelOptions files;
  files.model = options.model;
  files.system = scenario.system.name;
  return {.model = options.model,
          .plan = {.split = scenario.fleet.device_layers,
                   .compute = {},
                   .wire = StateDtype(scenario, ReadModelConfig(options.model))},
          .system = scenario.system,
          .adapter = AdapterOf(files, scenario.system),
          .medusa = MedusaOf(files, scenario.system),
          .stages = scenario.scheduler.stages,
          .ends_at_end_of_text = false,
          .frame_hidden = scenario.model.hidden,
          .frame_dtype = scenario.wire_dtype};
}

LinkSettings SettingsOf(const TestbedOptions& options, const Loaded& loaded, Direction direction,
                        int device) {
  LinkSettings settings{.hidden = loaded.scenario.model.hidden, .stamps = true};
  if (options.is_unpaced) return settings;
  settings.shape = loaded.fleet.MakeLink(direction, device);
  settings.is_kernel_shaped = options.is_kernel_shaped;
  if (!options.is_kernel_shaped) settings.lead = kLead / options.time_scale;
  return settings;
}

Receipt ShareOf(const TestbedOptions& options, const Loaded& loaded, const ServedModel& served,
                const std::string& role) {
  const Scenario& scenario = loaded.scenario;
  Receipt share;
  share.programs = {ThisProgram("hat-live")};
  share.hosts = {ThisHost(role)};
  if (!options.host.empty()) share.hosts[0].name = options.host;
  if (!options.hardware.empty()) share.hosts[0].hardware = options.hardware;
  share.model_sha256 =
      WeightsSha256({.folder = options.model,
                     .adapter = FileOrNone("", options.model, "adapter.safetensors"),
                     .medusa = FileOrNone("", options.model, "medusa.safetensors"),
                     .split = scenario.fleet.device_layers,
                     .drafter = scenario.system.drafter});
  share.time_scale = options.time_scale;
  share.settings = {.replicas = scenario.scheduler.replicas,
                    .stages = scenario.scheduler.stages,
                    .kv_tokens = scenario.scheduler.kv_tokens,
                    .token_budget = scenario.scheduler.token_budget,
                    .max_sessions = scenario.fleet.max_sessions,
                    .device_layers = scenario.fleet.device_layers,
                    .wire_dtype = scenario.wire_dtype,
                    .state_dtype = served.options().plan.wire,
                    .compute_dtype = Dtype::kFloat32,
                    .cloud_threads = options.threads,
                    .device_threads = options.threads};
  return share;
}

// What a program sees of the run, and leaves for the controller.
class Watch {
 public:
  explicit Watch(const TestbedOptions& options)
      : files_{options.files},
        time_scale_(options.time_scale),
        sends_(options.is_remote),
        writer_(files_.events()) {}

  LockedObserver& observer() { return observer_; }
  Lateness& lateness() { return lateness_; }
  PaceTally& tally() { return tally_; }

  // After the last event. The receipt's times are the machine's.
  void Write(Receipt share) {
    observer_.Locked([this] { writer_.Finish(); });
    const PaceTally::Kind all = tally_.total();
    share.overruns = {all.operations, all.overruns, all.largest.value() * time_scale_ * 1e3};
    std::vector<double> late = lateness_.Samples();
    for (double& s : late) s *= time_scale_;
    WritePart(files_, std::move(share), late);
    TellController("written");
    if (sends_) SendPart(files_);
  }

 private:
  PartFiles files_;
  double time_scale_;
  bool sends_;
  EventWriter writer_;
  LockedObserver observer_{writer_};
  Lateness lateness_;
  PaceTally tally_;
};

int TestbedCloud(TestbedOptions& options) {
  const Inputs inputs(options);
  const Controller controller(options);
  const Loaded loaded(options);
  const Scenario& scenario = loaded.scenario;
  const CloudKeys keys = ReadCloudKeys(options.keys);
  SetThreads(options.threads);
  const ServedCloud served(ServedOptionsOf(options, loaded));
  Watch watch(options);
  ConstantPace as_it_lasts;
  controller.SayReady();
  const ThreadWorld::Clock::time_point start = PointOf(controller.Expect("start", 1)[1]);
  ThreadWorld world(1 / options.time_scale, start);
  if (!options.is_unpaced) world.LetActivitiesGiveWay();
  std::vector<std::unique_ptr<ProfiledReplica>> hardware;
  std::vector<std::unique_ptr<HardwareStagePace>> own;
  std::vector<StagePace*> paces;
  for (int r = 0; r < scenario.scheduler.replicas; ++r) {
    hardware.push_back(
        std::make_unique<ProfiledReplica>(world, scenario, *loaded.profiles.cloud, r));
    own.push_back(std::make_unique<HardwareStagePace>(world, *hardware.back(), watch.tally()));
    paces.push_back(options.is_unpaced ? static_cast<StagePace*>(&as_it_lasts) : own.back().get());
  }
  CloudProgram program(
      {.world = world,
       .served = served,
       .keys = keys,
       .listen = options.listen,
       .config = scenario.scheduler,
       .paces = paces,
       .observer = watch.observer(),
       .max_sessions = scenario.fleet.max_sessions,
       .session_positions = served.config().max_positions,
       .downlink =
           [&](int device) { return SettingsOf(options, loaded, Direction::kDown, device); },
       .lateness = &watch.lateness(),
       .log = SayLine});
  TellController(fmt::format("listening {}", program.service().port()));
  controller.Expect("stop", 0);
  program.Stop(Seconds(1));
  watch.Write(ShareOf(options, loaded, served, "cloud"));
  return 0;
}

// The requests of one device, and what became of them.
class Outcomes {
 public:
  explicit Outcomes(int expected) : expected_(expected) {}

  void Add(const Request& request, const SessionTokens& tokens, const SessionEnd& end) {
    const std::lock_guard lock(mutex_);
    ++ended_;
    if (end.outcome == Outcome::kCompleted) {
      outputs.push_back(
          {request.id, OutputDigest({tokens.output.begin(), tokens.output.end()}), ""});
    }
    for (const NearTie& tie : tokens.near_ties) {
      if (tie.output_index >= static_cast<int>(tokens.output.size())) continue;
      near_ties.push_back({request.id, Name(tie.decision), tie.output_index, tie.gap});
    }
    TellIfHeard(fmt::format("ended {}", ended_));
    if (ended_ == expected_) TellIfHeard("done");
  }

  std::vector<ReceiptOutput> outputs;     // read when all have ended
  std::vector<ReceiptNearTie> near_ties;  // likewise

 private:
  std::mutex mutex_;
  int expected_;
  int ended_ = 0;
};

std::vector<Request> RequestsOf(const Loaded& loaded, int device) {
  std::vector<Request> own;
  for (const Request& request : loaded.requests) {
    if (request.device == device) own.push_back(request);
  }
  return own;
}

int TestbedDevice(TestbedOptions& options) {
  const Inputs inputs(options);
  const Controller controller(options);
  const Loaded loaded(options);
  const Scenario& scenario = loaded.scenario;
  const DeviceKeys keys = ReadDeviceKeys(options.keys);
  SetThreads(options.threads);
  const ServedDevice served(ServedOptionsOf(options, loaded));
  const PromptFile prompts =
      LoadPrompts(options.prompts, {.vocabulary = served.config().shape.vocabulary,
                                    .max_tokens = served.config().max_positions});
  Watch watch(options);
  ConstantPace as_it_lasts;
  const std::vector<Request> requests = RequestsOf(loaded, options.device);
  Outcomes outcomes(static_cast<int>(requests.size()));
  controller.SayReady();
  const std::vector<std::string> words = controller.Expect("start", 2);
  ThreadWorld world(1 / options.time_scale, PointOf(words[1]));
  if (!options.is_unpaced) world.LetActivitiesGiveWay();
  const auto device_class = static_cast<size_t>(loaded.fleet.class_of(options.device));
  ProfiledDevice hardware(scenario, scenario.fleet.classes[device_class],
                          loaded.profiles.devices[device_class]);
  HardwareDevicePace pace(world, hardware, watch.tally(), kAtOnce / options.time_scale);
  DeviceProgram program(
      {.world = world,
       .served = served,
       .keys = keys,
       .cloud = words[2],
       .pace = options.is_unpaced ? static_cast<DevicePace&>(as_it_lasts) : pace,
       .observer = watch.observer(),
       .device = options.device,
       .max_sessions = scenario.fleet.max_sessions,
       .uplink = SettingsOf(options, loaded, Direction::kUp, options.device),
       .lateness = &watch.lateness(),
       .prompt =
           [&](const Request& request) {
             return prompts.prompts[static_cast<size_t>(request.prompt_row)].ids;
           },
       .on_start =
           [&](int started_before) {
             hardware.SetPowerMode(loaded.fleet.PowerMode(options.device, started_before));
           },
       .on_end = [&](const Request& request, const SessionTokens& tokens,
                     const SessionEnd& end) { outcomes.Add(request, tokens, end); }});
  TellController("connected");
  if (requests.empty()) TellController("done");
  for (const Request& request : requests) {
    world.CallAt(request.arrival, [&program, request] { program.OnArrival(request); });
  }
  controller.Expect("stop", 0);
  world.StopCallbacks();
  world.Join();
  program.Stop();
  Receipt share = ShareOf(options, loaded, served, "device");
  share.outputs = outcomes.outputs;
  share.near_ties = outcomes.near_ties;
  watch.Write(std::move(share));
  return 0;
}

// What the whole model answers to each request, as "REQUEST,SHA256" lines.
int TestbedReference(const TestbedOptions& options) {
  const Scenario scenario = LoadScenario(options.scenario, options.overrides);
  const ModelConfig config = ReadModelConfig(options.model);
  SetThreads(options.threads);
  const PromptFile prompts = LoadPrompts(
      options.prompts, {.vocabulary = config.shape.vocabulary, .max_tokens = config.max_positions});
  WholeModel model(
      options.model,
      {.split = scenario.fleet.device_layers, .compute = {}, .wire = StateDtype(scenario, config)},
      false);
  std::map<std::pair<int, int>, std::string> known;  // by prompt row and tokens
  fmt::memory_buffer text;
  for (const Request& request : AllRequests(scenario)) {
    std::string& digest = known[{request.prompt_row, request.output_tokens}];
    if (digest.empty()) {
      const std::vector<int32_t>& prompt =
          prompts.prompts[static_cast<size_t>(request.prompt_row)].ids;
      const std::vector<int32_t> output =
          model.Generate({prompt, request.output_tokens}).output_ids;
      digest = OutputDigest({output.begin(), output.end()});
      TellController(fmt::format("answered {}", request.id));
    }
    fmt::format_to(fmt::appender(text), "{},{}\n", request.id, digest);
  }
  WriteFileAtomically(PartFiles{options.files}.reference(), {text.data(), text.size()});
  TellController("written");
  return 0;
}

}  // namespace

int TestbedCloudVerb(CommandLine& line) {
  TestbedOptions options;
  AddOptions(line, options, Part::kCloud);
  line.Parse();
  return TestbedCloud(options);
}

int TestbedDeviceVerb(CommandLine& line) {
  TestbedOptions options;
  AddOptions(line, options, Part::kDevice);
  line.Parse();
  return TestbedDevice(options);
}

int TestbedReferenceVerb(CommandLine& line) {
  TestbedOptions options;
  AddOptions(line, options, Part::kReference);
  line.Parse();
  return TestbedReference(options);
}

}  // namespace hat
