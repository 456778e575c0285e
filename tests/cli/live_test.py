#!/usr/bin/env python3
"""hat cloud, hat device and hat demo as a user runs them: processes, TLS sockets, the shipped model."""
import codecs
import json
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

import fcntl

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HAT_BIN_DIR", ROOT / "build/release/bin"))
MODEL = ROOT / "models/small"
PROMPT = "And the king said unto"
TOKENS = "24"
TIMEOUT_S = 60  # of a run that takes two seconds on an idle machine
LONG_ANSWER = "1500"  # tokens: more than a test waits for


def run(*words, **options):
    return subprocess.run([BIN / "hat", *words], capture_output=True, text=True, timeout=TIMEOUT_S,
                          stdin=subprocess.DEVNULL, **options)


class Program:
    """A program that runs beside the test, and is heard line by line."""

    def __init__(self, *words, **options):
        options = {"stdin": subprocess.PIPE, **options}
        self.errors = options.pop("stderr", None) or tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([BIN / "hat", *words], stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True, **options)

    def hear(self, start):
        """The rest of the next line that begins so."""
        for line in self.process.stdout:
            if line.startswith(start):
                return line.removeprefix(start).strip()
        raise AssertionError(f"ended before '{start}': {self.error()}")

    def events(self, kind):
        """Events up to the first of a kind, which is the last of them."""
        seen = []
        for line in self.process.stdout:
            seen.append(json.loads(line))
            if seen[-1]["event"] == kind:
                return seen
        raise AssertionError(f"ended before '{kind}': {self.error()}")

    def ask(self, **prompt):
        self.process.stdin.write(json.dumps(prompt) + "\n")
        self.process.stdin.flush()

    def error(self):
        self.errors.seek(0)
        return self.errors.read()

    def end(self, with_signal=None):
        """Its exit code."""
        if with_signal is not None:
            self.process.send_signal(with_signal)
        if self.process.stdin is not None:
            self.process.stdin.close()
        return self.process.wait(TIMEOUT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            if stream is not None:
                stream.close()


class Cloud(Program):
    def __init__(self, keys, *words, **options):
        super().__init__("cloud", "--model", MODEL, "--keys", keys / "cloud", "--listen", "127.0.0.1:0",
                         "--metrics", "127.0.0.1:0", "--threads", "1", *words, stdin=subprocess.DEVNULL, **options)
        self.metrics = int(self.hear("metrics on port "))
        self.port = int(self.hear("listening on port "))
        self.address = f"127.0.0.1:{self.port}"


def device_words(keys, cloud, *words, device="device-0"):
    return ["device", "--model", MODEL, "--keys", keys / device, "--cloud", cloud.address, "--threads", "1", *words]


def make_keys(folder):
    made = run("keys", "init", "--out", folder, "--devices", "2")
    assert made.returncode == 0, made.stderr
    return folder


def scrape(port):
    read = subprocess.run([sys.executable, "-B", ROOT / "tests/runtime/serve/metrics/scrape.py", str(port)],
                          capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert read.returncode == 0, read.stderr
    return {name.split("{")[0]: value for name, value in json.loads(read.stdout).items()}


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="hat-live-test-")
        cls.folder = pathlib.Path(cls.scratch.name)
        cls.keys = make_keys(cls.folder / "keys")
        cls.whole = run("generate", "--model", MODEL, "--prompt", PROMPT, "--max-new-tokens", TOKENS,
                        "--system", "whole")
        assert cls.whole.returncode == 0, cls.whole.stderr
        cls.cloud = Cloud(cls.keys)

    @classmethod
    def tearDownClass(cls):
        with cls.cloud:
            code = cls.cloud.end(signal.SIGTERM)
            log = cls.cloud.error()
        cls.scratch.cleanup()
        assert code == 0, log
        assert "king" not in log, "a prompt in the log"

    def fails(self, result, code, *words):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertTrue(result.stderr.endswith("\n"))
        for word in words:
            self.assertIn(word, result.stderr)

    def test_a_device_says_what_the_whole_model_says(self):
        answer = run(*device_words(self.keys, self.cloud, "--prompt", PROMPT, "--max-new-tokens", TOKENS))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(answer.stdout, self.whole.stdout)
        self.assertRegex(answer.stderr, r"^24 tokens, TTFT [0-9.]+ ms, TBT [0-9.]+ ms, accept length [0-9.]+ \(")

    def test_rounds_are_told_with_what_was_drafted_and_kept(self):
        words = device_words(self.keys, self.cloud, "--json-lines", "--metrics", "127.0.0.1:0")
        with Program(*words) as device:
            self.assertEqual(device.events("ready"), [{"event": "ready"}])
            device.ask(prompt=PROMPT, max_new_tokens=int(TOKENS))
            prompt, first, *rounds, end = device.events("end")
            self.assertEqual([prompt["event"], first["event"]], ["prompt", "first"])
            tokens = list(first["tokens"])
            drafted = accepted = 0
            for one in rounds:
                kept = [proposal["kept"] for proposal in one["proposals"]]
                count = sum(kept)
                self.assertEqual(kept, [True] * count + [False] * (len(kept) - count))
                for proposal, token in zip(one["proposals"][:count], one["tokens"]):
                    self.assertEqual((proposal["id"], proposal["text"]), (token["id"], token["text"]))
                if count < len(kept):  # thrown away since the target chose another
                    self.assertNotEqual(one["proposals"][count]["id"], one["tokens"][count]["id"])
                self.assertEqual(len(one["tokens"]), count + 1)
                tokens += one["tokens"]
                drafted += len(kept)
                accepted += count
            self.assertEqual([token["id"] for token in tokens], end["output_ids"])
            self.assertEqual("".join(token["text"] for token in tokens) + end["rest"] + "\n", self.whole.stdout)
            self.assertEqual((end["rounds"], end["drafted"], end["accepted"]), (len(rounds), drafted, accepted))
            self.assertEqual(end["outcome"], "completed")
            self.assertLess(accepted, drafted)  # else the test shows little
            self.assertGreater(accepted, 0)

            # What cannot be answered is no end.
            device.ask(prompt="x " * 3000)
            self.assertIn("2048 positions", device.events("refused")[-1]["reason"])
            device.ask(question="x")
            self.assertIn("'question'", device.events("refused")[-1]["reason"])
            device.ask(prompt=PROMPT, max_new_tokens=3)
            self.assertEqual(device.events("end")[-1]["output_ids"], end["output_ids"][:3])

            # Both can be scraped meanwhile.
            port = int(re.search("metrics on port ([0-9]+)", device.error())[1])
            seen = scrape(port)
            self.assertEqual(seen["hat:connected"], 1)
            self.assertEqual(seen["vllm:generation_tokens_total"], int(TOKENS) + 3)
            seen = scrape(self.cloud.metrics)
            self.assertEqual(seen["hat:devices_connected"], 1)
            self.assertGreater(seen["vllm:iteration_tokens_total_count"], len(rounds))
            self.assertEqual(device.end(), 0)

    def test_a_device_of_another_authority_is_refused(self):
        others = make_keys(self.folder / "others")
        self.fails(run(*device_words(others, self.cloud, "--prompt", PROMPT)), 1, "hat device: ", "certificate")

    def test_a_device_of_another_system_is_refused(self):
        result = run(*device_words(self.keys, self.cloud, "--prompt", PROMPT, "--system", "u-shape"))
        self.fails(result, 1, "hat device: ", "system")

    def test_no_cloud_is_one_line(self):
        words = device_words(self.keys, self.cloud, "--prompt", PROMPT)
        words[words.index("--cloud") + 1] = "127.0.0.1:1"
        self.fails(run(*words), 1, "hat device: ", "127.0.0.1:1")

    def test_a_port_in_use_is_one_line(self):
        words = ["cloud", "--model", MODEL, "--keys", self.keys / "cloud"]
        self.fails(run(*words, "--listen", self.cloud.address), 2, "hat cloud: ", self.cloud.address)
        taken = f"127.0.0.1:{self.cloud.metrics}"
        self.fails(run(*words, "--listen", "127.0.0.1:0", "--metrics", taken), 2, "hat cloud: ", taken,
                   "Address already in use")

    def test_sigterm_lets_sessions_end(self):
        with Cloud(self.keys) as cloud:
            words = device_words(self.keys, cloud, "--json-lines", "--prompt", PROMPT, "--max-new-tokens", "400")
            with Program(*words) as device:
                device.events("round")
                cloud.process.send_signal(signal.SIGTERM)
                self.assertEqual(len(device.events("end")[-1]["output_ids"]), 400)
                self.assertEqual(device.end(), 0)
            self.assertEqual(cloud.end(), 0, cloud.error())

    def test_a_cloud_whose_log_nobody_reads_any_more_serves_on(self):
        reader, writer = os.pipe()
        os.close(reader)
        with Cloud(self.keys, stderr=os.fdopen(writer, "w")) as cloud:
            for _ in range(2):
                answer = run(*device_words(self.keys, cloud, "--prompt", PROMPT, "--max-new-tokens", TOKENS))
                self.assertEqual(answer.stdout, self.whole.stdout, answer.stderr)
            self.assertEqual(cloud.end(signal.SIGTERM), 0)

    def test_a_cloud_that_is_killed_ends_the_answer_with_a_reason(self):
        with Cloud(self.keys) as cloud:
            words = device_words(self.keys, cloud, "--json-lines", "--prompt", PROMPT, "--max-new-tokens", LONG_ANSWER)
            with Program(*words) as device:
                device.events("round")
                cloud.end(signal.SIGKILL)
                end = device.events("end")[-1]
                self.assertEqual(end["outcome"], "failed")
                self.assertIn("the stream to the cloud has ended", end["reason"])
                self.assertEqual(device.end(), 1)
                self.assertEqual(device.error().count("\n"), 1)


class DemoTest(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="hat-demo-test-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.environment = {**os.environ, "TMPDIR": scratch.name, "TERM": "xterm"}
        self.environment.pop("NO_COLOR", None)
        self.decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character

    def demo(self, *words):
        return ["demo", "--model", MODEL, *words]

    def nothing_is_left(self):
        self.assertEqual(list(self.folder.iterdir()), [])
        for status in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                self.assertNotIn(str(self.folder), status.read_text(errors="replace"))
            except OSError:
                pass  # it has ended

    def test_both_devices_say_what_the_whole_model_says(self):
        whole = run("generate", "--model", MODEL, "--prompt", PROMPT, "--max-new-tokens", TOKENS, "--system", "whole")
        result = run(*self.demo("--prompt", PROMPT, "--max-new-tokens", TOKENS), env=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        text = json.dumps(whole.stdout.removesuffix("\n"), ensure_ascii=False)
        for device in ("device-0", "device-1"):
            self.assertIn(f"{device} says {text}\n", result.stdout)
            self.assertRegex(result.stdout, rf"(?m)^{device}: TTFT [0-9.]+ ms, TBT [0-9.]+ ms, accept length [0-9.]+, ")
            self.assertRegex(result.stdout, rf'(?m)^{device}:( \+".*")+ -".*" ".*"$')
        self.assertRegex(result.stdout, r"(?m)^cloud: [0-9]+ batches, ")
        self.assertNotIn("\x1b", result.stdout)
        self.nothing_is_left()

    def test_a_model_that_is_not_there_is_one_line_and_leaves_nothing(self):
        result = run("demo", "--model", self.folder / "none", "--prompt", "x", env=self.environment)
        self.assertEqual(result.returncode, 1)
        self.assertIn("none/config.json", result.stderr.splitlines()[-1])
        self.nothing_is_left()

    def test_on_a_terminal_of_80_by_24(self):
        child, terminal = pty.fork()
        if child == 0:
            os.execvpe(BIN / "hat", [str(word) for word in ("hat", *self.demo("--pause-ms", "5"))], self.environment)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.addCleanup(os.close, terminal)
        screen = self.hear(terminal, "device-0> ")
        os.write(terminal, b"\n")
        screen += self.hear(terminal, "device-1> ")
        os.write(terminal, PROMPT.encode() + b"\n")
        screen += self.hear(terminal, "device-0> ")
        os.kill(child, signal.SIGINT)
        self.hear(terminal, None)
        _, status = os.waitpid(child, 0)
        self.assertEqual(os.waitstatus_to_exitcode(status), 0)
        for sign in ("\x1b[33m", "\x1b[32m", "\x1b[9;90m", "TTFT", "TBT", "accept length", "cloud: "):
            self.assertIn(sign, screen)
        lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]|\r", "", line) for line in screen.split("\n")]
        self.assertLessEqual(max(map(len, lines)), 80)
        heights = {int(rows) for rows in re.findall(r"\x1b\[([0-9]+)A", screen)}
        self.assertEqual(len(heights), 1)
        self.assertLess(max(heights), 24)
        self.nothing_is_left()

    def hear(self, terminal, end):
        """What is shown until `end` is; None: until the program ends."""
        seen, limit = "", time.monotonic() + TIMEOUT_S
        while time.monotonic() < limit and not (end and end in seen):
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                seen += self.decoder.decode(os.read(terminal, 65536))
            except OSError:
                return seen
        self.assertTrue(end and end in seen, seen[-2000:])
        return seen


if __name__ == "__main__":
    unittest.main()
