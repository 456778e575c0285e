#!/usr/bin/env python3
"""hat replay on other machines: network namespaces are the hosts, each with an sshd of its own, and a bridge between
them. Needs root and OpenSSH's server ('./hat setup --ssh'); skipped (exit code 77) where it cannot be."""
import contextlib
import glob
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

from live_case import BIN, MODEL, eventually

SCENARIO = ["experiments/validation/spec_bench_7b.toml", "--set", "fleet.scale=0.07", "--set", "workload.requests=6",
            "--set", "workload.rate_per_s=4", "--set", "workload.warmup_requests=0", "--set",
            "workload.outputs.tokens=8"]
LONG = ["--set", "workload.rate_per_s=0.02"]  # the last request comes after minutes
SSHD = """ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
StrictModes no
UsePAM no
PermitRootLogin yes
"""
HOST = """Host {name}
HostName {address}
"""
ALL_HOSTS = """Host *
IdentityFile {folder}/key
UserKnownHostsFile /dev/null
StrictHostKeyChecking no
LogLevel ERROR
"""


def run(*words):
    subprocess.run(words, check=True, capture_output=True, text=True)


class Hosts(contextlib.ExitStack):
    """Namespaces that see each other, and this one sees them."""

    def __init__(self, folder, names):
        super().__init__()
        self.folder = folder
        self.mark = f"hat{os.getpid() % 100000}"
        net = os.getpid() % 250
        self.addresses = {name: f"10.213.{net}.{10 + i}" for i, name in enumerate(names)}
        for key in ("key", "host_key"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{folder}/{key}")
        config = "".join(HOST.format(name=name, address=address) for name, address in self.addresses.items())
        config += HOST.format(name="nobody-there", address=f"10.213.{net}.99") + ALL_HOSTS.format(folder=folder)
        (folder / "ssh_config").write_text(config)
        try:
            self.build(net)
        except BaseException:
            self.close()
            raise

    def build(self, net):
        run("ip", "link", "add", self.mark, "type", "bridge")
        self.callback(subprocess.run, ["ip", "link", "del", self.mark], check=False, capture_output=True)
        run("ip", "addr", "add", f"10.213.{net}.1/24", "dev", self.mark)
        run("ip", "link", "set", self.mark, "up")
        for name, address in self.addresses.items():
            self.add(self.space(name), address)

    def space(self, name):
        return f"{self.mark}-{name}"

    def add(self, space, address):
        end = f"v{self.mark[3:]}-{address.rsplit('.', 1)[1]}"
        run("ip", "netns", "add", space)
        self.callback(subprocess.run, ["ip", "netns", "del", space], check=False, capture_output=True)
        run("ip", "link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", space)
        run("ip", "link", "set", end, "master", self.mark, "up")
        for words in (["addr", "add", f"{address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"],
                      ["link", "set", "lo", "up"]):
            run("ip", "-n", space, *words)
        config = self.folder / f"sshd-{address}"
        config.write_text(SSHD.format(address=address, folder=self.folder))
        os.makedirs("/run/sshd", exist_ok=True)
        server = subprocess.Popen(["ip", "netns", "exec", space, shutil.which("sshd", path="/usr/sbin"), "-D", "-f", config])
        self.callback(server.wait)
        self.callback(server.terminate)
        if not eventually(lambda: b":0016 " in self.listening(space), 20):
            raise subprocess.CalledProcessError(1, "sshd", stderr="sshd does not listen")

    @staticmethod
    def listening(space):
        return subprocess.run(["ip", "netns", "exec", space, "cat", "/proc/net/tcp"], capture_output=True, check=True).stdout

    def programs(self):
        """Ours, that run on the hosts: their command lines by number."""
        found = {}
        for name in self.addresses:
            pids = subprocess.run(["ip", "netns", "pids", self.space(name)], capture_output=True, check=True, text=True)
            for pid in pids.stdout.split():
                with contextlib.suppress(OSError):
                    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
                    if words[0].endswith("hat-live"):
                        found[int(pid)] = " ".join(words)
        return found


class InventoryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="hat-hosts-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        try:
            cls.hosts = Hosts(cls.folder, ["gpu", "phone", "tablet"])
        except subprocess.CalledProcessError as error:
            print(f"skipped: no hosts in network namespaces here: {error.stderr.strip()}", file=sys.stderr)
            sys.exit(77)
        cls.addClassCleanup(cls.hosts.close)
        subprocess.run([BIN / "hat", "keys", "init", "--out", cls.folder / "keys", "--devices", "2", "--host",
                        cls.hosts.addresses["gpu"]], check=True, capture_output=True)

    def setUp(self):
        self.killed = []
        self.out = self.folder / f"out-{self.id().rsplit('.', 1)[1]}"

    def inventory(self, change=lambda text: text):
        def host(name, keys):
            return f'host = "{name}"\nkeys = "{self.folder}/keys/{keys}"\n'
        text = (f'ssh = ["ssh", "-F", "{self.folder}/ssh_config"]\nprogram = "{BIN}/hat-live"\nmodel = "{MODEL}"\n[cloud]\n'
                f'{host("gpu", "cloud")}address = "{self.hosts.addresses["gpu"]}"\nhardware = "a GPU of the test"\n'
                f'[[device]]\n{host("phone", "device-0")}[[device]]\n{host("tablet", "device-1")}')
        path = self.folder / "INVENTORY.toml"
        path.write_text(change(text))
        return path

    def words(self, *more, inventory=None):
        return [BIN / "hat", "replay", *SCENARIO, "--testbed", inventory or self.inventory(), "--out", self.out, *more]

    def replay(self, *more, inventory=None):
        return subprocess.run(self.words(*more, inventory=inventory), text=True, capture_output=True, timeout=120)

    def expect_nothing_left(self):
        self.assertTrue(eventually(lambda: not self.hosts.programs(), 20), self.hosts.programs())
        left = [path for path in glob.glob(f"{tempfile.gettempdir()}/hat-testbed-*") if path not in self.killed]
        self.assertEqual(left, [])

    def test_a_replay_on_other_machines_has_the_simulators_counts(self):
        done = self.replay("--laws", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        summary = json.loads((self.out / "summary.json").read_text())
        self.assertEqual((summary["label"], summary["requests"]["completed"]), ("measured", 6))
        receipt = json.loads((self.out / "receipt.json").read_text())
        self.assertEqual(receipt["shaping"], "none")
        hosts = {host["name"]: host for host in receipt["hosts"]}
        self.assertEqual(set(hosts), {"gpu", "phone", "tablet"})
        self.assertEqual((hosts["gpu"]["hardware"], hosts["gpu"]["roles"]), ("a GPU of the test", ["cloud"]))
        self.assertEqual([clock["host"] for clock in receipt["clocks"]], ["gpu", "phone", "tablet"])
        for clock in receipt["clocks"]:  # one kernel, one clock
            self.assertLessEqual(abs(clock["before_ms"]), 10 * clock["uncertainty_ms"])
        self.assertEqual([link["device"] for link in receipt["links"]], [0, 1])
        for link in receipt["links"]:
            for when in ("before", "after"):
                self.assertGreater(min(link[when].values()), 0)
        self.assertEqual(len(receipt["outputs"]), 6)
        found = subprocess.run([BIN / "hat", "validate", *SCENARIO, "--live", self.out, "--no-figure"], text=True,
                               capture_output=True, timeout=120)
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
        self.assertIn("6 of 6 requests equal", found.stdout)
        self.expect_nothing_left()

    def started(self, *more):
        """A replay, once its programs serve."""
        replay = subprocess.Popen(self.words("--quiet", *more), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

        def end():
            replay.kill()
            replay.communicate()
        self.addCleanup(end)
        for line in replay.stderr:
            if line == "all are connected\n":
                break
        self.assertEqual(len(self.hosts.programs()), 3)
        return replay

    def test_ctrl_c_leaves_nothing_on_the_hosts(self):
        replay = self.started(*LONG)
        replay.send_signal(signal.SIGINT)
        _, error = replay.communicate(timeout=60)
        self.assertEqual(replay.returncode, 1, error)
        self.assertTrue(error.endswith("hat replay: interrupted\n"), error)
        self.assertFalse(self.out.exists())
        self.expect_nothing_left()

    def test_a_killed_controller_leaves_nothing_on_the_hosts(self):
        replay = self.started(*LONG)
        replay.kill()
        self.expect_nothing_left()

    def test_a_lost_device_is_named_and_its_requests_have_failed(self):
        replay = self.started("--set", "workload.rate_per_s=0.3", "--set", "workload.devices=in-turn")
        device = next(pid for pid, words in self.hosts.programs().items() if "--device=1" in words)
        os.kill(device, signal.SIGKILL)
        self.killed = glob.glob(f"{tempfile.gettempdir()}/hat-testbed-*")  # the next one takes its folder away
        _, error = replay.communicate(timeout=120)
        self.assertEqual(replay.returncode, 1, error)
        self.assertIn("device-1 on tablet", error)
        requests = json.loads((self.out / "summary.json").read_text())["requests"]
        self.assertGreater(requests["failed"], 0)
        self.assertGreater(requests["completed"], 0)
        self.expect_nothing_left()

    def refused(self, change, scenario=()):
        done = self.replay(*scenario, inventory=self.inventory(change))
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertFalse(self.out.exists())
        self.expect_nothing_left()
        return done.stderr

    def test_what_cannot_serve_is_refused_in_one_line(self):
        self.assertIn("INVENTORY.toml:13: 'device.1.host' 'phone' stands there twice",
                      self.refused(lambda text: text.replace('"tablet"', '"phone"')))
        self.assertIn("device-1 on nobody-there: ssh: connect to host",
                      self.refused(lambda text: text.replace('"tablet"', '"nobody-there"')))
        self.assertIn("device-1 on tablet: the folder of keys",
                      self.refused(lambda text: text.replace("keys/device-1", "keys/device-7")))
        self.assertIn("2 devices, but 4 in the scenario", self.refused(lambda text: text, ["--set", "fleet.scale=0.14"]))
        self.assertIn("unknown key 'cloud.adress'; did you mean 'cloud.address'?",
                      self.refused(lambda text: text.replace("address", "adress")))
        self.assertIn("no-hat: not found",
                      self.refused(lambda text: text.replace(f"{BIN}/hat-live", "no-hat")).replace("No such file", "not found"))


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("sshd", path="/usr/sbin") or not shutil.which("ip"):
        print("skipped: needs root, sshd and ip ('./hat setup --ssh')", file=sys.stderr)
        sys.exit(77)
    unittest.main()
