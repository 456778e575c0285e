#include "runtime/agent/device_program.h"

#include <utility>

namespace hat {

DeviceProgram::DeviceProgram(Setup setup) : setup_(std::move(setup)), gpu_(setup_.world) {
  DeviceLink::Setup link{
      .world = setup_.world,
      .agreement = setup_.served.agreement(),
      .policies = setup_.served.policies(),
      .observer = setup_.observer,
      .device = setup_.device,
      .max_sessions = setup_.max_sessions,
      .max_positions = setup_.served.config().max_positions,
      .answer_timeout = setup_.answer_timeout,
      .make_compute = [this](const Request& request,
                             int started_before) { return MakeCompute(request, started_before); },
      .on_end = [this](const Request& request, const SessionEnd& end) { OnEnd(request, end); },
      .wire = {.cloud = setup_.cloud,
               .tls = {setup_.keys.ca_pem, setup_.keys.certificate_pem, setup_.keys.key_pem},
               .token = setup_.keys.token,
               .hello = setup_.served.handshake(),
               .heartbeat_s = setup_.heartbeat_s},
      .uplink = setup_.uplink,
      .lateness = setup_.lateness};
  agent_ = std::make_unique<DeviceAgent>(DeviceAgent::Setup{
      .link = std::move(link), .retries = setup_.retries, .reconnect_s = setup_.reconnect_s});
}

void DeviceProgram::JoinInto(SessionTokens& before, const SessionTokens& now) {
  for (NearTie tie : now.near_ties) {
    tie.output_index += static_cast<int>(before.output.size());
    before.near_ties.push_back(tie);
  }
  before.output.insert(before.output.end(), now.output.begin(), now.output.end());
}

std::unique_ptr<DeviceCompute> DeviceProgram::MakeCompute(const Request& request,
                                                          int started_before) {
  if (setup_.on_start) setup_.on_start(started_before);
  SessionTokens* now = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto [said, is_first] = said_.try_emplace(request.id);
    SessionTokens& before = said->second.before;
    now = &said->second.now;
    if (is_first) before.prompt = setup_.prompt(request);
    JoinInto(before, std::exchange(*now, {}));
    now->prompt = before.prompt;
    now->prompt.insert(now->prompt.end(), before.output.begin(), before.output.end());
  }
  return setup_.served.MakeCompute(request, gpu_, setup_.pace, *now);
}

void DeviceProgram::OnEnd(const Request& request, const SessionEnd& end) {
  Said said;  // nothing where no session took it
  {
    const std::lock_guard lock(mutex_);
    const auto found = said_.find(request.id);
    if (found != said_.end()) {
      said = std::move(found->second);
      said_.erase(found);
    }
  }
  JoinInto(said.before, said.now);
  setup_.on_end(request, said.before, end);
}

std::vector<int32_t> DeviceProgram::OutputOf(int request) const {
  const std::lock_guard lock(mutex_);
  const auto found = said_.find(request);
  if (found == said_.end()) return {};
  std::vector<int32_t> output = found->second.before.output;
  const std::vector<int32_t>& now = found->second.now.output;
  output.insert(output.end(), now.begin(), now.end());
  return output;
}

std::vector<Proposal> DeviceProgram::ProposalsOf(int request) const {
  const std::lock_guard lock(mutex_);
  const auto found = said_.find(request);
  return found == said_.end() ? std::vector<Proposal>() : found->second.now.proposals;
}

void DeviceProgram::Stop() { agent_.reset(); }

}  // namespace hat
