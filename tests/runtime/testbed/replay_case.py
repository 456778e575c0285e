"""Replays as processes, for tests that break or count something: what they started, and what they leave."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from live_case import BIN, TIMEOUT_S, eventually

# Two devices, four requests, at once.
SCENARIO = ["experiments/validation/spec_bench_7b.toml", "--set", "fleet.scale=0.07", "--set", "workload.requests=4",
            "--set", "workload.rate_per_s=4", "--set", "workload.warmup_requests=0", "--set",
            "workload.outputs.tokens=8"]
LONG = ["--set", "workload.rate_per_s=0.02"]  # the second request comes after a minute


class Replay(subprocess.Popen):
    def __init__(self, folder, *words, scratch=None, how=("--unpaced",)):
        self.scratch = scratch or folder
        super().__init__([BIN / "hat", "replay", *SCENARIO, *how, *words], cwd=folder, text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, env={**os.environ, "TMPDIR": str(self.scratch), "OMP_NUM_THREADS": "1"})

    def programs(self):
        """The processes of this replay, by their number: their command lines."""
        found = {}
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(f"{self.scratch}/hat-replay-" in word for word in words):
                found[int(path.parent.name)] = " ".join(words)
        return found

    def folders(self):
        return sorted(self.scratch.glob("hat-replay-*"))

    def wait_until_it_serves(self):
        """The first request has been served by then, or nearly."""
        assert eventually(lambda: len(self.programs()) == 3), self.programs()
        time.sleep(4)

    def find(self, role):
        return next(process for process, words in self.programs().items() if f"testbed {role}" in words)


class ReplayCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hat-case-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def start(self, *words, **options):
        replay = Replay(self.folder, *words, **options)

        def end():
            replay.kill()
            replay.communicate()
        self.addCleanup(end)
        return replay

    def expect(self, replay, code, *words, lines=1):
        """How it ended, and that nothing is left."""
        _, error = replay.communicate(timeout=TIMEOUT_S)
        self.assertEqual(replay.returncode, code, error)
        self.assertEqual(error.count("\n"), lines, error)
        for word in words:
            self.assertIn(word, error)
        self.assertTrue(eventually(lambda: not replay.programs(), 10), replay.programs())
        self.assertEqual(replay.folders(), [])

    def expect_results(self, name):
        summary = json.loads((self.folder / name / "summary.json").read_text())
        self.assertEqual(summary["requests"]["completed"], 4)
