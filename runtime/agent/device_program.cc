#include "runtime/agent/device_program.h"

#include <utility>

namespace hat {

DeviceProgram::DeviceProgram(Setup setup) : setup_(std::move(setup)), gpu_(setup_.world) {
  agent_ = std::make_unique<DeviceAgent>(DeviceAgent::Setup{
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
               .hello = setup_.served.handshake()},
      .uplink = setup_.uplink,
      .downlink_latency = setup_.downlink_latency,
      .lateness = setup_.lateness});
}

std::unique_ptr<DeviceCompute> DeviceProgram::MakeCompute(const Request& request,
                                                          int started_before) {
  if (setup_.on_start) setup_.on_start(started_before);
  auto tokens = std::make_unique<SessionTokens>();
  tokens->prompt = setup_.prompt(request);
  SessionTokens& own = *tokens;
  {
    const std::lock_guard lock(mutex_);
    sessions_[request.id] = std::move(tokens);
  }
  return setup_.served.MakeCompute(request, gpu_, setup_.pace, own);
}

void DeviceProgram::OnEnd(const Request& request, const SessionEnd& end) {
  std::unique_ptr<SessionTokens> tokens;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(request.id);
    if (found != sessions_.end()) {
      tokens = std::move(found->second);
      sessions_.erase(found);
    }
  }
  setup_.on_end(request, tokens ? *tokens : SessionTokens(), end);
}

std::vector<int32_t> DeviceProgram::OutputOf(int request) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(request);
  return found == sessions_.end() ? std::vector<int32_t>() : found->second->output;
}

std::vector<Proposal> DeviceProgram::ProposalsOf(int request) const {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(request);
  return found == sessions_.end() ? std::vector<Proposal>() : found->second->proposals;
}

void DeviceProgram::Stop() { agent_.reset(); }

}  // namespace hat
