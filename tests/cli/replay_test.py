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

    def test_units_of_seeds_go_on_where_they_stopped(self):
        few = [*FEW, "--set", "workload.requests=4", "--set", "fleet.scale=0.07", "--set", "workload.rate_per_s=4"]
        words = ["replay", SCENARIO, *few, "--systems", "u-shape", "--seeds", "2", "--out", "live", "--quiet", "--unpaced"]
        done = self.run_hat(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        shutil.rmtree(self.temp / "live/u-shape/seed-2")
        first = (self.temp / "live/u-shape/seed-1/receipt.json").stat().st_mtime_ns
        done = self.run_hat(*words, "--resume")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("live/u-shape/seed-1: is there", done.stderr)
        self.assertEqual((self.temp / "live/u-shape/seed-1/receipt.json").stat().st_mtime_ns, first)
        found = self.run_hat("validate", SCENARIO, *few, "--live", "live", "--no-figure")
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
        self.assertIn("seeds 1, 2 (", found.stdout)
        self.assertIn("8 of 8 requests equal", found.stdout)
        other = self.run_hat(*words, "--resume", "--time-scale", "3")
        self.assertEqual(other.returncode, 2, other.stderr)
        self.assertIn("'--time-scale' is 1 there and 3 here", other.stderr)
        other = self.run_hat(*(word for word in words if word != "--unpaced"), "--resume")
        self.assertEqual(other.returncode, 2, other.stderr)
        self.assertIn("'--shaping' is none there and transport here", other.stderr)

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
        self.assertRegex(done.stdout, r"compute for about \d+ s: half of the cores suffice from time scale \d+\.\d on\n")
        more = self.run_hat("replay", SCENARIO, *FEW, "--plan", "--systems", "hat,u-shape", "--seeds", "3")
        self.assertIn("6 runs, each: 8 requests", more.stdout)


if __name__ == "__main__":
    unittest.main()
