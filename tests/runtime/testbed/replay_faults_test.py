#!/usr/bin/env python3
"""hat replay when something breaks: one line that says what, no process and no folder left."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from live_case import BIN, TIMEOUT_S, eventually
from replay_case import LONG, ReplayCase

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
