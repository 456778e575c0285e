// SimGrid's calls that its version 4 names otherwise than 3.32: the one place that knows which of
// them is installed. A platform begins with a zone: 4 has a root zone from the start, in 3 the
// first zone becomes it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace simgrid::s4u {
class Engine;
class Host;
class Link;
class NetZone;
}  // namespace simgrid::s4u

namespace hat {

// An empty zone of the engine's platform; to be sealed when it is filled. "full": no routes needed
// from a host to itself; "star": each host brings its own links.
simgrid::s4u::NetZone& AddFullZone(simgrid::s4u::Engine& engine, const std::string& name);
simgrid::s4u::NetZone& AddStarZone(simgrid::s4u::Engine& engine, const std::string& name);

// A host of one core, for activities; how fast it is plays no role here.
simgrid::s4u::Host& AddHost(simgrid::s4u::NetZone& zone, const std::string& name);

// A link without latency.
simgrid::s4u::Link& AddLink(simgrid::s4u::NetZone& zone, const std::string& name,
                            double bytes_per_s);

// The links that everything from (`up`) and to (`down`) a host of a star crosses, in this order;
// null: none there. A link has one bandwidth for both directions.
void AddRoutes(simgrid::s4u::NetZone& star, simgrid::s4u::Host& host,
               const std::vector<simgrid::s4u::Link*>& up,
               const std::vector<simgrid::s4u::Link*>& down);

// Starts an actor. A daemon does not keep the run alive: it is ended when only daemons are left.
void AddActor(const std::string& name, simgrid::s4u::Host& host, std::function<void()> body);
void AddDaemon(const std::string& name, simgrid::s4u::Host& host, std::function<void()> body);

// Runs `code` in SimGrid's own context, as one step that no other actor sees the middle of.
void InKernel(const std::function<void()>& code);

}  // namespace hat
