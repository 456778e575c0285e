#!/usr/bin/env bash
# SimGrid 3.32 (Debian 12's package): what a running flow makes of a link whose bandwidth changes.
#
# Expected: the flow follows. A link that is set to 0 stops it, one that gets faster speeds it up.
# Seen, with network/model:CM02, crosstraffic and TCP-gamma 0, a flow of 10 MB that begins at 1 MB/s:
#   lower, but above 0 (0.5 MB/s from 2 to 4 s)     followed: ends at 11 s
#   0 from 2 to 4 s                                 not followed: the flow goes on at 1 MB/s and ends at 10 s
#   1e-6 byte/s from 2 to 4 s                       followed: stands still, ends at 12 s
#   2 MB/s from 2 s on                              not followed: ends at 10 s, not at 6 s
# So a stop is a tiny rate, and a flow never gets faster than the lowest bandwidth on its way when it began: let it
# begin at the highest rate and lower that. Debian 13's 4.0 does the same.
#
# Needs Debian 12 with g++, apt's lists and the packages that libsimgrid3.32 depends on; installs nothing outside a temporary
# folder. Fails if something else is seen.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q libsimgrid3.32=3.32-2+b2 libsimgrid-dev=3.32-2+b2 libboost1.74-dev >/dev/null
for package in *.deb; do dpkg -x "$package" root; done

cat >flow.cc <<'CODE'
#include <cstdio>
#include <cstdlib>
#include <simgrid/s4u.hpp>

namespace sg = simgrid::s4u;

int main(int argc, char** argv) {
  sg::Engine engine(&argc, argv);  // takes its own options away
  const double from_2_s = std::atof(argv[1]), from_4_s = std::atof(argv[2]);
  sg::NetZone* zone = sg::create_full_zone("zone");
  sg::Host* a = zone->create_host("a", 1e9)->seal();
  sg::Host* b = zone->create_host("b", 1e9)->seal();
  sg::Link* link = zone->create_link("link", 1e6)->set_latency(0)->seal();
  zone->add_route(a->get_netpoint(), b->get_netpoint(), nullptr, nullptr, {sg::LinkInRoute(link)});
  zone->seal();
  sg::Actor::create("sender", a, [&] {
    sg::CommPtr flow = sg::Comm::sendto_init(a, b);
    flow->set_payload_size(10'000'000)->start();
    sg::this_actor::sleep_for(2);
    link->set_bandwidth(from_2_s);
    sg::this_actor::sleep_for(2);
    link->set_bandwidth(from_4_s);
    flow->wait();
    std::printf("%.3f\n", sg::Engine::get_clock());
  });
  engine.run();
}
CODE
lib=$folder/root/usr/lib/$(gcc -dumpmachine)
g++ -O1 -I root/usr/include flow.cc -o flow "$lib/libsimgrid.so.3.32" -Wl,-rpath,"$lib" -Wl,--allow-shlib-undefined

# see WHAT BANDWIDTH_FROM_2_S BANDWIDTH_FROM_4_S END
see() {
  local end
  end=$(./flow "$2" "$3" --cfg=network/model:CM02 --cfg=network/crosstraffic:0 --cfg=network/TCP-gamma:0 \
    --log=root.thres:error)
  echo "$1: ends at $end s"
  [ "$end" = "$4" ] || { echo "expected $4" >&2 && exit 1; }
}
see "the bandwidth stays" 1e6 1e6 10.000
see "half of it from 2 to 4 s" 0.5e6 1e6 11.000
see "0 from 2 to 4 s" 0 1e6 10.000
see "1e-6 from 2 to 4 s" 1e-6 1e6 12.000
see "twice as much from 2 s on" 2e6 2e6 10.000
