#include "runtime/serve/testbed/testbed.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "core/error.h"
#include "experiments/scenario/fleet.h"
#include "experiments/watch/event_file.h"
#include "runtime/serve/keys/make_keys.h"
#include "runtime/serve/testbed/sent_files.h"
#include "runtime/serve/testbed/shaped_network.h"

namespace hat {
namespace {

constexpr double kLoad_s = 120, kListen_s = 10, kWelcome_s = 30, kReference_s = 120;
// From the moment when all are ready: so long a connection takes each, so long all of them, and so
// long a real link's measurement.
constexpr double kConnect_s = 0.03, kConnectAll_s = 1.5, kProbe_s = 4;
constexpr const char* kLostFile = "lost.events.jsonl";

std::string DeviceName(int device) { return fmt::format("device-{}", device); }

}  // namespace

Testbed::Testbed(const ReplayOptions& options, const Scenario& scenario, const Inventory* inventory)
    : options_(options),
      scenario_(scenario),
      inventory_(inventory),
      requests_(AllRequests(scenario)) {}

Testbed::~Testbed() {
  for (Part& part : devices_) Kill(part);
  Kill(cloud_);
  Kill(whole_model_);
}

void Testbed::Kill(Part& part) {
  if (part.program && !part.is_stopped) part.child().Kill();
}

void Testbed::Log(const std::string& line) const {
  if (options_.log) options_.log(line);
}

PartProgram::Meanwhile Testbed::Ended(int ended) const {
  return [this, ended] {
    if (!options_.on_progress) return;
    const Progress now{double(ended), double(requests_.size())};
    if (!options_.on_progress(now)) throw RunError("interrupted");
  };
}

Testbed::Part Testbed::Start(const std::string& role, const std::string& name,
                             const InventoryHost* host, const std::vector<std::string>& more) {
  std::vector<std::string> words{role};
  const auto add = [&words](const std::string& flag, const std::string& value) {
    words.push_back(flag + "=" + value);
  };
  PartProgram::Setup setup;
  setup.name = role == "cloud" ? "the cloud" : role == "reference" ? "the whole model" : name;
  setup.files = {scratch_ / name};
  add("--scenario", host ? SentName(options_.scenario) : options_.scenario);
  for (const std::string& override : options_.overrides) add("--set", override);
  if (role != "cloud") add("--prompts", host ? SentName(options_.prompts) : options_.prompts);
  add("--time-scale", fmt::format("{}", options_.time_scale));
  add("--threads", std::to_string(options_.threads));
  if (!options_.is_paced) words.emplace_back("--unpaced");
  if (options_.is_kernel_shaped && role != "reference") {
    words.emplace_back("--kernel-shaped");
    setup.before = ShapedNetwork::Prefix();
  }
  if (host) {
    setup.inventory = inventory_;
    setup.host = host;
    add("--model", host->model);
    add("--keys", host->keys);
    add("--host", host->host);
    if (!host->hardware.empty()) add("--hardware", host->hardware);
    words.emplace_back("--remote");
  } else {
    add("--model", options_.model);
    add("--files", setup.files.prefix);
  }
  words.insert(words.end(), more.begin(), more.end());
  setup.words = std::move(words);
  Part part;
  part.program = std::make_unique<PartProgram>(std::move(setup));
  return part;
}

void Testbed::StartAll() {
  if (inventory_) {
    StartOnHosts();
  } else {
    StartHere();
  }
  AwaitReady(cloud_);
  for (Part& part : devices_) AwaitReady(part);
  if (options_.is_kernel_shaped) MakeLinks();
}

void Testbed::StartHere() {
  const int count = scenario_.devices();
  const std::string host = options_.is_kernel_shaped ? ShapedNetwork::kCloudAddress : "127.0.0.1";
  MakeKeys(scratch_ / "keys", {.devices = NumberedDevices(count), .hosts = {host}, .days = 30});
  cloud_ = Start("cloud", "cloud", nullptr,
                 {"--keys=" + (scratch_ / "keys/cloud"), "--listen=" + host + ":0"});
  for (int d = 0; d < count; ++d) {
    const std::string name = DeviceName(d);
    devices_.push_back(
        Start("device", name, nullptr,
              {fmt::format("--device={}", d), "--keys=" + (scratch_ / ("keys/" + name))}));
  }
}

void Testbed::StartOnHosts() {
  cloud_ = Start("cloud", "cloud", &inventory_->cloud, {"--listen=" + inventory_->listen});
  for (int d = 0; d < scenario_.devices(); ++d) {
    devices_.push_back(Start("device", DeviceName(d), &inventory_->devices[static_cast<size_t>(d)],
                             {fmt::format("--device={}", d)}));
  }
}

void Testbed::MakeLinks() {
  const Fleet fleet(scenario_);
  const auto rate = [&](const LinkRate& of) {
    return of.Mean() * scenario_.link.efficiency / options_.time_scale;
  };
  std::vector<ShapedNetwork::Device> devices;
  for (size_t d = 0; d < devices_.size(); ++d) {
    const int device = static_cast<int>(d);
    devices.push_back(
        {devices_[d].child().pid(), rate(fleet.uplink(device)), rate(fleet.downlink(device))});
  }
  ShapedNetwork::Connect(cloud_.child().pid(), devices, scratch_ / "network");
}

// What keeps a host from loading is the inventory's fault, as far as can be told from here.
void Testbed::AwaitReady(Part& part) {
  try {
    part.program->SendInputs(scenario_, options_.prompts);
    part.program->ExpectReady(kLoad_s, Ended(0));
    part.program->AskClock(Ended(0));
  } catch (const RunError& error) {
    Ended(0)();
    if (!part.program->is_remote()) throw;
    throw InputError(fmt::format("{}: {}", inventory_->path, error.what()));
  }
}

// The run begins once all are connected: its time 0 is told before.
void Testbed::Connect() {
  using std::chrono::nanoseconds;
  using std::chrono::steady_clock;
  const double each_s = kConnect_s + (has_real_links() ? kProbe_s : 0);
  const std::chrono::duration<double> lead(kConnectAll_s + each_s * scenario_.devices());
  start_ = steady_clock::now() + std::chrono::duration_cast<nanoseconds>(lead);
  const int64_t start_ns = start_.time_since_epoch().count();
  const auto start_of = [&](const Part& part) {
    return fmt::format("start {}", part.program->OnItsClock(start_ns));
  };
  cloud_.child().Say(start_of(cloud_));
  const std::string listening = cloud_.child().Hear(kListen_s, Ended(0));
  constexpr std::string_view kListening = "listening ";
  if (!listening.starts_with(kListening)) {
    throw RunError(fmt::format("the cloud says '{}'", listening));
  }
  const std::string port = listening.substr(kListening.size());
  address_ = inventory_                  ? inventory_->address
             : options_.is_kernel_shaped ? ShapedNetwork::kCloudAddress + (":" + port)
                                         : "127.0.0.1:" + port;
  if (has_real_links()) {
    Log(fmt::format("measures the links, {} of them, one after the other", devices_.size()));
    MeasureLinks(&Part::link_before);
  }
  for (Part& part : devices_) part.child().Say(start_of(part) + " " + address_);
  for (Part& part : devices_) {
    const std::string line = part.child().Hear(kWelcome_s, Ended(0));
    if (line == "connected") continue;
    throw RunError(fmt::format("{} says '{}'", part.child().name(), line));
  }
  if (steady_clock::now() > start_) {
    throw RunError("it took too long to connect all devices; fewer devices, or faster machines");
  }
  if (has_real_links()) Log("all are connected");
}

// One after the other, so that they do not share what they measure.
void Testbed::MeasureLinks(std::optional<LinkMeasurement> Part::*when) {
  for (Part& part : devices_) {
    UnlessLost(part, [&] { part.*when = part.program->AskLink(address_, Ended(0)); });
  }
}

void Testbed::HearDevice(Part& part) {
  constexpr std::string_view kEnded = "ended ";
  while (const std::optional<std::string> line = part.child().TryHear()) {
    if (*line == "done") {
      part.is_done = true;
    } else if (line->starts_with(kEnded)) {
      part.ended = std::stoi(line->substr(kEnded.size()));
    }
  }
  if (!part.is_lost && part.child().has_ended()) Lose(part);
}

// Nobody else needs it. What it has not told by now is lost.
void Testbed::Lose(Part& part) {
  part.is_done = part.is_lost = true;
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - start_;
  part.lost_at = Seconds(std::max(0.0, since.count() / options_.time_scale));
  const std::string why = part.child().last_error();
  lost_.push_back(
      fmt::format("{}: {}", part.child().name(),
                  why.empty() ? fmt::format("ended with code {}", part.child().exit_code()) : why));
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
    if (cloud_.child().has_ended()) {
      throw RunError(fmt::format("the cloud has ended: {}", cloud_.child().last_error()));
    }
    while (const std::optional<std::string> line = cloud_.child().TryHear()) Log("cloud: " + *line);
    Ended(ended)();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

void Testbed::Stop(Part& part) {
  part.program->AskClock(Ended(request_count()));
  part.program->Stop(Ended(request_count()));
  part.is_stopped = true;
}

// Does what needs a device that serves; that it ends meanwhile is noted.
void Testbed::UnlessLost(Part& part, const std::function<void()>& work) {
  if (part.is_lost) return;
  try {
    work();
  } catch (const RunError&) {
    if (!part.child().has_ended()) throw;
    Lose(part);
  }
}

void Testbed::Play() {
  StartAll();
  Connect();
  Serve();
  if (has_real_links()) MeasureLinks(&Part::link_after);
  for (Part& part : devices_) UnlessLost(part, [&] { Stop(part); });
  Stop(cloud_);
  if (!lost_.empty()) TellOfLost();
}

void Testbed::AskWholeModel() {
  whole_model_ = Start("reference", "whole", nullptr, {});
  Log("the whole model answers, for the receipt");
  while (whole_model_.child().Hear(kReference_s, Ended(request_count())) != "written") {
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
    if (!part.is_lost) files.push_back(part.program->files().events());
  }
  files.push_back(cloud_.program->files().events());
  return files;
}

Receipt Testbed::MergedReceipt() const {
  std::vector<PartFiles> parts;
  for (const Part& part : devices_) {
    if (!part.is_lost) parts.push_back(part.program->files());
  }
  parts.push_back(cloud_.program->files());
  Receipt receipt = MergeParts(parts);
  if (whole_model_.program) AddReference(whole_model_.program->files(), receipt);
  receipt.time_scale = options_.time_scale;
  receipt.shaping = ShapingOf(options_);
  if (cloud_.program->clock()) receipt.clocks.push_back(*cloud_.program->clock());
  for (size_t d = 0; d < devices_.size(); ++d) {
    const Part& part = devices_[d];
    if (part.program->clock()) receipt.clocks.push_back(*part.program->clock());
    if (!has_real_links()) continue;
    receipt.links.push_back({static_cast<int>(d), part.link_before, part.link_after});
  }
  return receipt;
}

}  // namespace hat
