#!/usr/bin/env python3
"""hat profile link: a way of known delay and rate is measured, and a scenario takes over what was written."""
import subprocess
import tomllib
import unittest

from live_case import BIN, ROOT, TIMEOUT_S, LiveCase, eventually

CHUNK_BYTES = 1024  # that the link passes on at a time


class LinkTest(LiveCase):
    def profile(self, port, *more):
        return subprocess.run([BIN / "hat-live", "profile", "link", "--keys", self.keys / "device-0", "--cloud",
                               f"127.0.0.1:{port}", "--out", self.folder / "link.toml", "--round-trips", "20",
                               "--pause-ms", "1", "--seconds", "1", "--idle-s", "0.1", *more],
                              capture_output=True, text=True, timeout=TIMEOUT_S)

    def test_a_slow_link_is_measured_and_taken_over(self):
        cloud = self.cloud()
        link = self.link(cloud)
        link.delay_s = 0.004
        done = self.profile(link.port)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Mbit/s of payload", done.stdout)
        text = (self.folder / "link.toml").read_text()
        self.assertIn("MB up after a pause of 0.1 s were there ", text)
        measured = tomllib.loads(text)["link"]
        self.assertGreater(measured["latency_ms"], 4)
        most_mbps = CHUNK_BYTES * 8e-6 / link.delay_s
        for way in ("up", "down"):
            payload = measured[way]["rate_mbps"] * measured["efficiency"]
            self.assertLess(payload, most_mbps)
            self.assertGreater(payload, most_mbps / 4)
        simulated = subprocess.run(
            [BIN / "hat", "simulate", ROOT / "experiments/measured/small_model.toml", "--set",
             f"@{self.folder / 'link.toml'}", "--set", "workload.requests=10", "--out", self.folder / "out"],
            capture_output=True, text=True, timeout=TIMEOUT_S)
        self.assertEqual(simulated.returncode, 0, simulated.stderr)
        self.expect_floor(cloud)
        again = self.profile(link.port)
        self.assertEqual(again.returncode, 2)
        self.assertIn("--force", again.stderr)

    def test_a_cloud_that_goes_meanwhile_is_one_line(self):
        cloud = self.cloud()
        link = self.link(cloud)
        link.up_limit = 300_000
        measuring = subprocess.Popen(
            [BIN / "hat-live", "profile", "link", "--keys", self.keys / "device-0", "--cloud",
             f"127.0.0.1:{link.port}", "--out", self.folder / "link.toml", "--round-trips", "1"],
            stderr=subprocess.PIPE, text=True)
        self.stack.callback(measuring.stderr.close)
        self.assertTrue(eventually(lambda: link.up >= link.up_limit))
        cloud.kill()
        self.assertEqual(measuring.wait(TIMEOUT_S), 1)
        lines = measuring.stderr.read().splitlines()
        self.assertEqual(len(lines), 1, lines)
        self.assertTrue(lines[0].startswith("hat profile link: the cloud has ended the measurement: "), lines)
        self.assertFalse((self.folder / "link.toml").exists())


if __name__ == "__main__":
    unittest.main()
