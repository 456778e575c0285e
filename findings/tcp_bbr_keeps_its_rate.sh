#!/usr/bin/env bash
# Linux's BBR does not begin anew after an idle pause, though net.ipv4.tcp_slow_start_after_idle is 1.
#
# Expected: with that setting (the default) a connection that has been idle for longer than its retransmission timeout has its
# window cut and goes through slow start again, whichever congestion control it has: the setting names none.
# Seen on Linux 6.18, over a line of 60 Mbit/s and 20 ms there and back, for an upload of 2.88 MB that takes 422 ms on a warm
# connection: the first one on a connection takes 50 to 60 ms more with either; after a pause of 2 s cubic's takes those 54 ms
# again, and bbr's nothing. After 0.5 s cubic's takes 1 or 2 ms more, after 1 s 11: the window is halved once per timeout.
# So whether a device that asks now and then pays for slow start each time is the congestion control's choice, and a
# measurement on a host with bbr says nothing about one with cubic. bbr need not be the default to be met: hosts set it.
#
# Needs root, /dev/net/tun, python3, ip, unshare and nsenter, and a kernel that offers both; installs nothing. Fails if
# something else is seen.
set -euo pipefail
[ "$(cat /proc/sys/net/ipv4/tcp_slow_start_after_idle)" = 1 ] || { echo "tcp_slow_start_after_idle is not 1" >&2 && exit 1; }
folder=$(mktemp -d)
trap 'jobs -p | xargs -r kill 2>/dev/null; rm -rf "$folder"' EXIT

cat >"$folder/line.py" <<'CODE'
"""A line between two network namespaces: packets go through in order, at a rate, and arrive a latency later."""
import fcntl, heapq, os, select, struct, subprocess, sys, time

RATE, LATENCY = 60e6 / 8, 0.010

def tun(name, pid, own, other):
    end = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(end, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
    subprocess.run(["ip", "link", "set", name, "netns", pid], check=True)
    for words in (["addr", "add", own, "peer", other, "dev", name], ["link", "set", name, "up"]):
        subprocess.run(["nsenter", f"--net=/proc/{pid}/ns/net", "ip", *words], check=True)
    return end

a = tun("lineA", sys.argv[1], "10.9.0.1", "10.9.0.2")
b = tun("lineB", sys.argv[2], "10.9.0.2", "10.9.0.1")
print("ready", flush=True)
to, free, under_way, count = {a: b, b: a}, {a: 0.0, b: 0.0}, [], 0
while True:
    now = time.monotonic()
    while under_way and under_way[0][0] <= now:
        _, _, end, packet = heapq.heappop(under_way)
        os.write(end, packet)
    wait = max(0, under_way[0][0] - now) if under_way else 1
    for end in select.select([a, b], [], [], wait)[0]:
        packet = os.read(end, 2048)
        free[end] = max(time.monotonic(), free[end]) + len(packet) / RATE
        count += 1
        heapq.heappush(under_way, (free[end] + LATENCY, count, to[end], packet))
CODE
cat >"$folder/server.py" <<'CODE'
import socket, struct
server = socket.create_server(("10.9.0.2", 5000))
while True:
    peer, _ = server.accept()
    while head := peer.recv(8, socket.MSG_WAITALL):
        left = struct.unpack("<q", head)[0]
        while left:
            left -= len(peer.recv(min(left, 1 << 16)))
        peer.sendall(b"x")
CODE
cat >"$folder/client.py" <<'CODE'
import socket, statistics, struct, time
SIZE = 2_880_000
def upload(peer):
    start = time.monotonic()
    peer.sendall(struct.pack("<q", SIZE) + bytes(SIZE))
    peer.recv(1)
    return 1e3 * (time.monotonic() - start)
for control in ("cubic", "bbr"):
    peer = socket.socket()
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, control.encode())
    peer.connect(("10.9.0.2", 5000))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    first = upload(peer)
    warm = statistics.median(upload(peer) for _ in range(5))
    late = {}
    for pause in (0.5, 1, 2):
        times = []
        for _ in range(3):
            upload(peer)
            time.sleep(pause)
            times.append(upload(peer) - warm)
        late[pause] = statistics.median(times)
    print(f"{control}: warm {warm:.0f} ms; later by, ms: first {first - warm:.0f}",
          *(f"after {pause} s {ms:.0f}" for pause, ms in late.items()), sep=", ", flush=True)
    assert first - warm > 30, "expected slow start at first"
    assert (late[2] > 30) == (control == "cubic") and abs(late[2]) < 80, "expected slow start after a pause with cubic alone"
    peer.close()
CODE

unshare --net sleep 100 &
client=$!
unshare --net sleep 100 &
server=$!
sleep 0.5
python3 "$folder/line.py" "$client" "$server" >"$folder/said" &
for _ in $(seq 50); do if [ -s "$folder/said" ]; then break; else sleep 0.1; fi; done
nsenter --net="/proc/$server/ns/net" python3 "$folder/server.py" &
sleep 0.5
uname -sr
nsenter --net="/proc/$client/ns/net" python3 "$folder/client.py"
