#!/usr/bin/env python3
"""hat replay when something breaks: one line that says what, no process and no folder left."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from live_case import BIN, TIMEOUT_S, eventually

# Two devices, four requests, at once.
SCENARIO = ["experiments/validation/spec_bench_7b.toml", "--set", "fleet.scale=0.07", "--set", "workload.requests=4",
            "--set", "workload.rate_per_s=4", "--set", "workload.warmup_requests=0", "--set",
            "workload.outputs.tokens=8", "--unpaced"]
LONG = ["--set", "workload.rate_per_s=0.02"]  # the second request comes after a minute


class Replay(subprocess.Popen):
    def __init__(self, folder, *words, scratch=None):
        self.scratch = scratch or folder
        super().__init__([BIN / "hat", "replay", *SCENARIO, *words], cwd=folder, text=True, stdout=subprocess.PIPE,
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


class ReplayFaultsTest(ReplayCase):
    def test_a_folder_that_cannot_be_written(self):
        self.expect(self.start("--quiet", "--out", "/proc/x"), 1, "cannot write", "/proc/x")
        (self.folder / "file").write_text("mine")
        self.expect(self.start("--quiet", "--out", "file/x"), 1, "cannot write", "Not a directory")
        self.expect(self.start("--quiet", "--out", "x", scratch=pathlib.Path("/nowhere")), 1, "temporary")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["file"])

    def test_an_interrupt_while_programs_load(self):
        replay = self.start("--quiet", "--out", "out")
        self.assertTrue(eventually(replay.programs))
        replay.send_signal(signal.SIGINT)
        self.expect(replay, 1, "interrupted")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_an_interrupt_while_requests_are_served(self):
        replay = self.start("--quiet", "--out", "out", *LONG)
        replay.wait_until_it_serves()
        began = time.monotonic()
        replay.send_signal(signal.SIGTERM)
        self.expect(replay, 1, "interrupted")
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_killed_controller_takes_its_programs_along_and_the_next_one_its_folder(self):
        killed = self.start("--quiet", "--out", "out", *LONG)
        killed.wait_until_it_serves()
        killed.kill()
        killed.communicate()
        self.assertTrue(eventually(lambda: not killed.programs(), 10), killed.programs())
        self.assertEqual(len(killed.folders()), 1)
        self.expect(self.start("--quiet", "--out", "again"), 0, lines=2)
        self.expect_results("again")

    def test_two_at_once(self):
        both = [self.start("--quiet", "--out", name) for name in ("one", "two")]
        for replay in both:
            _, error = replay.communicate(timeout=TIMEOUT_S)
            self.assertEqual(replay.returncode, 0, error)
        for name in ("one", "two"):
            self.expect_results(name)
        self.assertEqual((both[0].programs(), both[0].folders()), ({}, []))

    def test_a_killed_device_is_reported_and_the_others_results_stand(self):
        replay = self.start("--quiet", "--out", "out", "--laws", "--set", "workload.rate_per_s=0.25")
        replay.wait_until_it_serves()
        os.kill(replay.find("device"), signal.SIGKILL)
        _, error = replay.communicate(timeout=TIMEOUT_S)
        self.assertEqual(replay.returncode, 1, error)
        self.assertIn("lost device-", error)
        requests = json.loads((self.folder / "out/summary.json").read_text())["requests"]
        self.assertEqual((requests["arrived"], requests["completed"] + requests["failed"]), (4, 4))
        self.assertGreater(requests["failed"], 0)
        self.assertEqual((replay.programs(), replay.folders()), ({}, []))

    def test_a_killed_cloud_is_one_line(self):
        replay = self.start("--quiet", "--out", "out", *LONG)
        replay.wait_until_it_serves()
        os.kill(replay.find("cloud"), signal.SIGKILL)
        self.expect(replay, 1, "the cloud has ended")
        self.assertEqual(list(self.folder.iterdir()), [])


@unittest.skipUnless((BIN / "hat-live").exists(), "there is no hat-live here")
class FullDiskReplayTest(ReplayCase):
    def test_a_full_disk(self):
        disk = self.folder / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", disk]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            self.skipTest("may not mount a file system")
        try:
            (disk / "filler").write_bytes(b"x" * 12 * 1024)
            replay = self.start("--quiet", "--out", "disk/x")
            _, error = replay.communicate(timeout=TIMEOUT_S)
            self.assertEqual(replay.returncode, 1, error)
            self.assertIn("cannot write", error.splitlines()[-1])
            self.assertIn("No space left", error.splitlines()[-1])
            self.assertEqual([path.name for path in disk.iterdir()], ["filler"])
            self.assertEqual((replay.programs(), replay.folders()), ({}, []))
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


if __name__ == "__main__":
    unittest.main()
