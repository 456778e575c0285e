#include "runtime/agent/cloud_program.h"

#include <utility>

namespace hat {

LinkSettings PlainLink(const Agreement& agreement) { return {.hidden = agreement.hidden}; }

CloudProgram::CloudProgram(Setup setup) : world_(setup.world) {
  const ServedCloud& served = setup.served;
  std::vector<CloudCompute*> replicas;
  for (StagePace* const pace : setup.paces) {
    computes_.push_back(served.MakeCompute(setup.session_positions, setup.world, *pace));
    replicas.push_back(computes_.back().get());
  }
  service_ = std::make_unique<CloudService>(CloudService::Setup{
      .world = setup.world,
      .agreement = served.agreement(),
      .config = setup.config,
      .replicas = std::move(replicas),
      .observer = setup.observer,
      .limits = {.max_sessions = setup.max_sessions, .max_positions = setup.session_positions},
      .wire = {.listen = setup.listen,
               .tls = {setup.keys.ca_pem, setup.keys.certificate_pem, setup.keys.key_pem},
               .agreed = served.handshake(),
               .stages = served.options().stages,
               .silence_s = setup.silence_s},
      .find_device = [tokens =
                          setup.keys.tokens](std::string_view token) -> std::optional<KnownPeer> {
        const std::optional<int> index = tokens.Find(token);
        if (!index) return std::nullopt;
        return KnownPeer{*index, tokens.devices()[static_cast<size_t>(*index)].name};
      },
      .downlink = std::move(setup.downlink),
      .lateness = setup.lateness,
      .log = std::move(setup.log)});
}

// What an activity has thrown is for Stop() to tell.
CloudProgram::~CloudProgram() {
  try {
    Stop(Seconds(0));
  } catch (...) {  // NOLINT(bugprone-empty-catch)
  }
}

void CloudProgram::Stop(Seconds grace) {
  service_->Stop(grace);
  world_.Join();
}

}  // namespace hat
