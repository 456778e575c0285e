#!/usr/bin/env python3
"""hat replay --shaping kernel: links that the kernel slows down carry what they should, and nothing of them is left.
The replays need root, and are skipped without."""
import json
import os
import pathlib
import signal
import subprocess
import unittest

from live_case import BIN, ROOT, TIMEOUT_S, eventually
from replay_case import LONG, SCENARIO, ReplayCase

SCALE = 4
UP_MBPS, DOWN_MBPS = 40, 80
KERNEL = ["--shaping", "kernel", "--time-scale", str(SCALE), "--set", f"link.up.low_mbps={UP_MBPS}",
          "--set", f"link.up.high_mbps={UP_MBPS}", "--set", f"link.down.low_mbps={DOWN_MBPS}",
          "--set", f"link.down.high_mbps={DOWN_MBPS}"]


def spaces():
    """The network namespaces in which something runs."""
    found = set()
    for path in pathlib.Path("/proc").glob("[0-9]*/ns/net"):
        try:
            found.add(os.readlink(path))
        except OSError:
            continue
    return found


class RefusalTest(unittest.TestCase):
    def refused(self, *words):
        done = subprocess.run([BIN / "hat", "replay", *SCENARIO, "--shaping", "kernel", *words], cwd=ROOT, text=True,
                              capture_output=True, timeout=TIMEOUT_S)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        return done.stderr

    def test_what_the_kernel_cannot_imitate_is_refused_and_what_can_is_named(self):
        for words, what in ((["--set", "link.radio.jitter_ms=5"], "link.radio"), (["--set", "link.tcp={}"], "link.tcp")):
            error = self.refused(*words)
            self.assertIn(f"spec_bench_7b.toml: {what}: ", error)
            self.assertIn("--shaping transport does without", error)
        self.assertIn("--unpaced excludes --shaping", self.refused("--unpaced"))
        self.assertIn("--shaping kernel: the links of an inventory's machines", self.refused("--testbed", "x.toml"))

    @unittest.skipIf(os.geteuid() == 0, "is root")
    def test_an_ordinary_user_is_told_what_works_without_root(self):
        self.assertEqual(self.refused(), "hat replay: --shaping kernel: network namespaces need root; "
                                         "--shaping transport does without\n")


@unittest.skipUnless(os.geteuid() == 0 and (BIN / "hat-live").exists(), "needs root, and hat-live")
class KernelShapingTest(ReplayCase):
    def setUp(self):
        super().setUp()
        self.before = spaces()

    def expect_nothing_left(self, replay):
        self.assertTrue(eventually(lambda: not replay.programs(), 10), replay.programs())
        self.assertTrue(eventually(lambda: spaces() <= self.before, 10), spaces() - self.before)

    def test_links_have_their_rates_and_all_is_served(self):
        replay = self.start("--quiet", "--out", "out", "--laws", how=KERNEL)
        _, error = replay.communicate(timeout=TIMEOUT_S)
        self.assertEqual(replay.returncode, 0, error)
        self.expect_results("out")
        receipt = json.loads((self.folder / "out/receipt.json").read_text())
        self.assertEqual(receipt["shaping"], "kernel")
        self.assertGreater(receipt["lateness"]["frames"], 0)
        self.assertEqual([link["device"] for link in receipt["links"]], [0, 1])
        for link in receipt["links"]:
            for when in ("before", "after"):
                for way, mbps in (("up_mbps", UP_MBPS), ("down_mbps", DOWN_MBPS)):
                    share = link[when][way] / (mbps / SCALE)
                    self.assertTrue(0.8 < share < 1.03, (link, way, share))
        self.expect_nothing_left(replay)

    def test_nothing_is_left_after_an_interrupt_nor_after_a_kill(self):
        for end in (signal.SIGINT, signal.SIGKILL):
            replay = self.start("--quiet", "--out", "out", *LONG, how=KERNEL)
            for line in replay.stderr:
                if line == "all are connected\n":
                    break
            self.assertEqual(len(spaces() - self.before), 3)
            replay.send_signal(end)
            replay.wait(TIMEOUT_S)
            self.expect_nothing_left(replay)


if __name__ == "__main__":
    unittest.main()
