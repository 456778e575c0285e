"""hat capacity through the program: what it prints, writes and keeps, and that it goes on where it was."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HAT = pathlib.Path(os.environ["HAT_BIN_DIR"]) / "hat"
SCENARIO = HAT.parent.parent / "share/hat/experiments/paper/spec_bench_7b.toml"
SMALL = ("--set", "workload.requests=60", "--set", "workload.outputs.tokens=8")


class CapacityTest(unittest.TestCase):
    def setUp(self):
        self.temp = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.temp, ignore_errors=True)

    def words(self, *more, slo="ttft_p90_ms=2500,tbt_p90_ms=200"):
        return [HAT, "capacity", SCENARIO, "--slo", slo, "--seeds", "2", *SMALL, *more]

    def capacity(self, *more, code=0, **slo):
        done = subprocess.run(self.words(*more, **slo), capture_output=True, text=True, cwd=self.temp)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def points(self, folder):
        return json.loads((self.temp / folder / "capacity.json").read_text())["points"]

    def units(self, folder):
        return {path: path.stat().st_mtime_ns for path in (self.temp / folder / "units").iterdir()}

    def test_writes_what_it_prints_and_a_second_call_runs_nothing(self):
        more = ("--systems", "hat,cloud-only", "--over", "link.latency_ms=2,200", "--out", "out")
        first = self.capacity(*more)
        self.assertIn("Simulated; 2 seeds", " ".join(first.stdout.split()))
        points = self.points("out")
        self.assertEqual([(p["system"], p["value"]) for p in points],
                         [("hat", "2"), ("hat", "200"), ("cloud-only", "2"), ("cloud-only", "200")])
        self.assertEqual((self.temp / "out/capacity.png").read_bytes()[1:4], b"PNG")
        self.assertEqual(len((self.temp / "out/capacity.csv").read_text().splitlines()), 5)
        units, text = self.units("out"), (self.temp / "out/capacity.json").read_text()
        second = self.capacity(*more, "--jobs", "1", "--no-figure")
        self.assertEqual(second.stdout, first.stdout)
        self.assertEqual((self.temp / "out/capacity.json").read_text(), text)
        self.assertEqual(self.units("out"), units)

    def test_every_rate_has_the_same_seeds_and_the_limit_is_between_two_of_them(self):
        self.capacity("--out", "out", "--no-figure", "--systems", "cloud-only")
        (point,) = self.points("out")
        self.assertTrue(all(trial["runs"] == 2 for trial in point["tried"]))
        met = {trial["rate_per_s"]: trial["met"] for trial in point["tried"]}
        self.assertTrue(met[point["rate_per_s"]])
        above = min(rate for rate, is_met in met.items() if rate > point["rate_per_s"])
        self.assertFalse(met[above])
        self.assertLessEqual(above / point["rate_per_s"], 1.02)
        self.assertAlmostEqual(point["clients"], point["rate_per_s"] * 30 / 6)
        self.assertAlmostEqual(point["clients_per_gpu"], point["clients"] / 4)
        unit = sorted(self.units("out"))[0]
        shutil.rmtree(unit)
        again = subprocess.run([HAT, "sweep", "unit", unit], capture_output=True, text=True, cwd=self.temp)
        self.assertEqual(again.returncode, 0, again.stderr)  # a run of it alone
        self.assertTrue((unit / "summary.json").exists())

    def test_a_killed_search_goes_on_where_it_was(self):
        more = ("--out", "out", "--no-figure", "--jobs", "1", "--quiet")
        whole = self.capacity(*more[2:], "--out", "whole").stdout
        run = subprocess.Popen(self.words(*more), cwd=self.temp, stdout=subprocess.DEVNULL)
        while not (self.temp / "out/units").is_dir() or len(self.units("out")) < 3:
            time.sleep(0.005)
        run.send_signal(signal.SIGKILL)
        run.wait()
        before = self.units("out")
        self.assertEqual(self.capacity(*more).stdout, whole)
        after = self.units("out")
        self.assertEqual({path: after[path] for path in before}, before)

    def test_a_growing_fleet_keeps_each_device_as_busy(self):
        self.capacity("--out", "out", "--no-figure", "--grow-fleet", "--systems", "cloud-only")
        (point,) = self.points("out")
        for unit in self.units("out"):
            config = json.loads((unit / "manifest.json").read_text())["config"]
            rate, scale = (float(config.split(f"\n{key} = ")[1].split()[0]) for key in ("rate_per_s", "scale"))
            self.assertAlmostEqual(rate / scale, 6, places=3)
        self.assertEqual(point["devices"], 30)

    def test_what_cannot_run_and_what_never_meets_them_says_so(self):
        done = self.capacity("--systems", "device-only", "--quiet", slo="ttft_p90_ms=1")
        self.assertIn("never met", done.stdout)
        self.assertIn("ttft_p90_ms fails even at 0.00586 requests/s", " ".join(done.stdout.split()))
        self.assertEqual([*self.temp.iterdir()], [])  # nothing is kept without --out

    def test_a_folder_of_other_things_is_left_alone(self):
        (self.temp / "out").mkdir()
        (self.temp / "out/thesis.txt").write_text("mine")
        self.assertIn("holds no folder 'units'", self.capacity("--out", "out", code=2).stderr)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
