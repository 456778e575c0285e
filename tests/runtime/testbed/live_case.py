"""Live programs for tests that break something: a cloud, devices, a link between them, what they should say."""
import contextlib
import csv
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("HAT_BIN_DIR", ROOT / "build/release/bin"))
MODEL = ROOT / "models/small"
TIMEOUT_S = 120  # of what takes a second or two on an idle machine


def prompts():
    """The shipped prompts' ids, as the programs take them."""
    with open(MODEL / "prompts.csv", encoding="utf-8") as file:
        return [row["token_ids"].replace(" ", ",") for row in csv.DictReader(file)]


PROMPTS = prompts()
LONG_PROMPT = max(PROMPTS, key=len)
POSITIONS = json.loads((MODEL / "config.json").read_text())["max_position_embeddings"]
MANY = 300  # output tokens: a device is at it for a second
FOREVER = 1500


def eventually(holds, timeout_s=TIMEOUT_S):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Program(subprocess.Popen):
    """A program whose lines are kept as they come. Gone when the block that it is opened in ends."""

    def __init__(self, *words):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        super().__init__([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, bufsize=1, errors="replace", env=environment)
        self.out, self.err = [], []
        self.readers = [threading.Thread(target=self.keep, args=pair, daemon=True)
                        for pair in ((self.stdout, self.out), (self.stderr, self.err))]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def keep(stream, lines):
        for line in stream:
            lines.append(line.rstrip("\n"))

    def say(self, line):
        self.stdin.write(line + "\n")
        self.stdin.flush()

    def hear(self, pattern, lines, timeout_s=TIMEOUT_S):
        """The first line that matches: its match."""
        def find():
            return next(filter(None, (re.search(pattern, line) for line in list(lines))), None)
        eventually(lambda: find() or self.poll() is not None, timeout_s)
        time.sleep(0 if find() else 0.1)
        match = find()
        assert match, f"no '{pattern}' in {self.out[-20:]} {self.err[-20:]}"
        return match

    def end(self, timeout_s=TIMEOUT_S):
        """Its exit code; all that it said is there."""
        code = self.wait(timeout_s)
        for reader in self.readers:
            reader.join(timeout_s)
        return code

    def __exit__(self, *_):
        if self.poll() is None:
            self.send_signal(signal.SIGCONT)
            self.kill()
        self.end()
        for stream in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(OSError):
                stream.close()


class Cloud(Program):
    def __init__(self, keys, *more, port=0):
        super().__init__(BIN / "hat-live", "cloud", "--model", MODEL, "--keys", keys / "cloud", "--threads", 1,
                         "--listen", f"127.0.0.1:{port}", "--metrics", "127.0.0.1:0", *more)
        self.metrics_port = int(self.hear(r"metrics on port (\d+)", self.out)[1])
        self.port = int(self.hear(r"listening on port (\d+)", self.out)[1])

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        values = {}
        for line in lines:
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name = name.split("{")[0]
                values[name] = values.get(name, 0) + float(value)
        return values

    def holds_nothing(self):
        now = self.metrics()
        return all(now.get(name, 0) == 0 for name in
                   ("vllm:num_requests_running", "vllm:num_requests_waiting", "hat:kv_cache_tokens",
                    "hat:queued_frames"))


class Device(Program):
    """Answers one prompt."""

    def __init__(self, keys, number, port, *more, prompt=PROMPTS[0], tokens=40, says_text=False):
        self.asked = (prompt, tokens)
        super().__init__(BIN / "hat-live", "device", "--model", MODEL, "--keys", keys / f"device-{number}",
                         "--cloud", f"127.0.0.1:{port}", "--threads", 1, "--prompt-ids", prompt,
                         "--max-new-tokens", tokens, *([] if says_text else ["--json"]), *more)

    def output(self):
        code = self.end()
        assert code == 0, (code, self.err)
        return json.loads(self.out[-1])["output_ids"]

    def reason(self):
        """Of a request that failed: one line."""
        code = self.end()
        assert code == 1 and len(self.err) == 1, (code, self.out, self.err)
        return self.err[0]


class Link:
    """A TCP proxy in front of a port: what passes, when, and whether at all is the test's choice."""

    def __init__(self, port):
        self.to_port = port
        self.delay_s = 0
        self.up_limit = self.down_limit = None  # bytes; then nothing more passes
        self.cut_at = None  # when so many bytes have come down, all connections are cut once
        self.up = self.down = 0  # bytes that have passed
        self.is_stopped = False  # nothing passes, and nobody is told
        self.pairs = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.server.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self.to_port))
                except OSError:
                    near.close()
                    continue
                self.pairs.append((near, far))
                threading.Thread(target=self.pump, args=(near, far, "up"), daemon=True).start()
                threading.Thread(target=self.pump, args=(far, near, "down"), daemon=True).start()

    def holds(self, way):
        limit = getattr(self, way + "_limit")
        return self.is_stopped or (limit is not None and getattr(self, way) >= limit)

    def pump(self, source, target, way):
        with contextlib.suppress(OSError):
            while data := source.recv(1024):
                time.sleep(self.delay_s)
                while self.holds(way):
                    time.sleep(0.01)
                target.sendall(data)
                setattr(self, way, getattr(self, way) + len(data))
                if self.cut_at is not None and self.down >= self.cut_at:
                    self.cut_at = None
                    self.cut()
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Ends all connections that there are; later ones pass."""
        for pair in self.pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.server.close()
        self.cut()


_said = {}


def whole_model(prompt, tokens):
    """What the model in one piece says to a prompt. Fewer tokens are the first of more."""
    assert tokens <= MANY
    if prompt not in _said:
        most = min(MANY, POSITIONS - prompt.count(","))
        done = subprocess.run([BIN / "hat-torch", "generate", "--model", MODEL, "--system", "whole", "--prompt-ids",
                               prompt, "--max-new-tokens", str(most), "--json"], check=True, capture_output=True,
                              timeout=TIMEOUT_S, env={**os.environ, "OMP_NUM_THREADS": "1"})
        _said[prompt] = json.loads(done.stdout)["output_ids"]
    return _said[prompt][:tokens]


class LiveCase(unittest.TestCase):
    devices = 4

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="hat-case-")))
        self.keys = self.folder / "keys"
        subprocess.run([BIN / "hat", "keys", "init", "--out", self.keys, "--devices", str(self.devices)],
                       check=True, capture_output=True, timeout=TIMEOUT_S)

    def cloud(self, *more, **options):
        return self.stack.enter_context(Cloud(self.keys, *more, **options))

    def device(self, number, at, *more, **options):
        return self.stack.enter_context(Device(self.keys, number, at.port, *more, **options))

    def link(self, cloud):
        return self.stack.enter_context(contextlib.closing(Link(cloud.port)))

    def expect_whole(self, device):
        self.assertEqual(device.output(), whole_model(*device.asked))

    def expect_floor(self, cloud):
        self.assertTrue(eventually(cloud.holds_nothing), cloud.metrics())
