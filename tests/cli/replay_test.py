"""hat replay and hat validate through the programs: a scenario on live processes, real tokens over real sockets, gives
the simulator's counts, request by request, and the whole model's tokens. Times are reported, not judged: this machine
may be busy."""
import glob
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HAT = pathlib.Path(os.environ["HAT_BIN_DIR"]) / "hat"
SHARE = HAT.parent.parent / "share/hat"
SCENARIO = "experiments/validation/spec_bench_7b.toml"
FEW = ["--set", "fleet.scale=0.14", "--set", "workload.requests=8", "--set", "workload.rate_per_s=1", "--set",
       "workload.warmup_requests=0", "--set", "workload.outputs.tokens=16"]


class ReplayTest(unittest.TestCase):
    def setUp(self):
        self.temp = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.temp, ignore_errors=True)

    def run_hat(self, *words, timeout=180):
        return subprocess.run([HAT, *words], cwd=self.temp, text=True, capture_output=True, timeout=timeout,
                              env={**os.environ, "TMPDIR": str(self.temp)})

    def test_a_replay_has_the_simulators_counts_and_the_whole_models_tokens(self):
        done = self.run_hat("replay", SCENARIO, *FEW, "--systems", "hat,u-medusa", "--out", "live", "--laws", "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("frames: ", done.stdout)
        for system in ("hat", "u-medusa"):
            summary = json.loads((self.temp / "live" / system / "summary.json").read_text())
            self.assertEqual(summary["label"], "emulated")
            self.assertEqual(summary["requests"]["completed"], 8)
            receipt = json.loads((self.temp / "live" / system / "receipt.json").read_text())
            near = {tie["request"] for tie in receipt["near_ties"]}
            for output in receipt["outputs"]:
                if output["request"] not in near:
                    self.assertEqual(output["sha256"], output["reference_sha256"])
        found = self.run_hat("validate", SCENARIO, *FEW, "--live", "live", "--out", "validation", "--no-figure")
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
        self.assertEqual(found.stdout.count("8 of 8 requests equal in tokens, rounds, drafted and accepted."), 2)
        self.assertEqual(glob.glob(f"{self.temp}/hat-replay-*"), [])

    def refused(self, *words):
        done = self.run_hat("replay", SCENARIO, *words)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        return done.stderr

    def test_what_cannot_be_replayed_is_said(self):
        self.assertIn("system 'cloud-only' is not split", self.refused("--set", "system.name=cloud-only"))
        self.assertIn("a closed loop's arrivals", self.refused("--set", "workload.arrivals=closed-loop", "--set",
                                                               "workload.think_time_s=1"))
        self.assertIn("its links are shared", self.refused("--set", "link.kind=shared", "--set", "link.cell_mbps=100"))
        self.assertIn("--time-scale", self.refused("--time-scale", "0"))

    def test_a_plan_says_what_it_needs(self):
        done = self.run_hat("replay", SCENARIO, *FEW, "--plan", "--time-scale", "2")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("8 requests; a cloud and 4 devices: 5 processes", done.stdout)


if __name__ == "__main__":
    unittest.main()
