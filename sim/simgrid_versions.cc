#include "sim/simgrid_versions.h"

#include <simgrid/s4u.hpp>
#include <utility>

#if __has_include(<simgrid/simcall.hpp>)
#include <simgrid/simcall.hpp>
#else
#include <simgrid/simix.hpp>
#endif
#include <simgrid/version.h>  // needs the ones above

namespace hat {

namespace sg = simgrid::s4u;

namespace {

using Route = std::vector<sg::LinkInRoute>;

#if SIMGRID_VERSION_MAJOR >= 4

sg::NetZone* FullZone(sg::Engine& engine, const std::string& name) {
  return engine.get_netzone_root()->add_netzone_full(name);
}
sg::NetZone* StarZone(sg::Engine& engine, const std::string& name) {
  return engine.get_netzone_root()->add_netzone_star(name);
}
sg::Host* MakeHost(sg::NetZone& zone, const std::string& name) { return zone.add_host(name, 1e9); }
sg::Link* MakeLink(sg::NetZone& zone, const std::string& name, double bytes_per_s) {
  return zone.add_link(name, bytes_per_s);
}
void MakeRoutes(sg::NetZone& star, const sg::Host& host, const Route& up, const Route& down) {
  const sg::Host* const anyone = nullptr;  // not a null NetPoint: that crashes
  star.add_route(&host, anyone, up, false);
  star.add_route(anyone, &host, down, false);
}
sg::ActorPtr MakeActor(const std::string& name, sg::Host& host, std::function<void()> body) {
  return sg::Engine::get_instance()->add_actor(name, &host, std::move(body));
}

#else

sg::NetZone* FullZone(sg::Engine& /*engine*/, const std::string& name) {
  return sg::create_full_zone(name);
}
sg::NetZone* StarZone(sg::Engine& /*engine*/, const std::string& name) {
  return sg::create_star_zone(name);
}
sg::Host* MakeHost(sg::NetZone& zone, const std::string& name) {
  return zone.create_host(name, 1e9);
}
sg::Link* MakeLink(sg::NetZone& zone, const std::string& name, double bytes_per_s) {
  return zone.create_link(name, bytes_per_s);
}
void MakeRoutes(sg::NetZone& star, const sg::Host& host, const Route& up, const Route& down) {
  star.add_route(host.get_netpoint(), nullptr, nullptr, nullptr, up, false);
  star.add_route(nullptr, host.get_netpoint(), nullptr, nullptr, down, false);
}
sg::ActorPtr MakeActor(const std::string& name, sg::Host& host, std::function<void()> body) {
  return sg::Actor::create(name, &host, std::move(body));
}

#endif

Route RouteOver(const std::vector<sg::Link*>& links) {
  Route route;
  for (const sg::Link* link : links) {
    if (link != nullptr) route.emplace_back(link);
  }
  return route;
}

}  // namespace

sg::NetZone& AddFullZone(sg::Engine& engine, const std::string& name) {
  return *FullZone(engine, name);
}

sg::NetZone& AddStarZone(sg::Engine& engine, const std::string& name) {
  return *StarZone(engine, name);
}

sg::Host& AddHost(sg::NetZone& zone, const std::string& name) {
  return *MakeHost(zone, name)->seal();
}

sg::Link& AddLink(sg::NetZone& zone, const std::string& name, double bytes_per_s) {
  return *MakeLink(zone, name, bytes_per_s)->set_latency(0)->seal();
}

void AddRoutes(sg::NetZone& star, sg::Host& host, const std::vector<sg::Link*>& up,
               const std::vector<sg::Link*>& down) {
  MakeRoutes(star, host, RouteOver(up), RouteOver(down));
}

void AddActor(const std::string& name, sg::Host& host, std::function<void()> body) {
  MakeActor(name, host, std::move(body));
}

void AddDaemon(const std::string& name, sg::Host& host, std::function<void()> body) {
  MakeActor(name, host, std::move(body))->daemonize();
}

void InKernel(const std::function<void()>& code) { simgrid::kernel::actor::simcall_answered(code); }

}  // namespace hat
