"""hat calibrate and --set @FILE through the program: a known latency is found again, and a second call runs nothing."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HAT = pathlib.Path(os.environ["HAT_BIN_DIR"]) / "hat"
SCENARIO = HAT.parent.parent / "share/hat/experiments/paper/spec_bench_7b.toml"
FEW = ("workload.requests=30", "workload.outputs.tokens=8", "workload.rate_per_s=1")
SPEC = """
scenario = "{scenario}"
published = "published.csv"
set = ["workload.requests=30", "workload.outputs.tokens=8", "workload.rate_per_s=1"]
search = {{global = 12, local = 25, profile = 4, alternative = 3}}
[[assumption]]
name = "requests in turn"
set = ["workload.devices=in-turn"]
reason = "a script"
[[parameter]]
name = "latency_ms"
keys = [{{key = "link.latency_ms"}}]
low = 1
high = 50
scale = "log"
prior = 5
spread = 2
reason = "not known"
[[case]]
name = "main"
systems = ["u-shape", "hat"]
[[targets]]
name = "TBT"
experiment = "toy"
metric = "tbt_ms.mean"
case = "main"
systems = ["u-shape"]
[[targets]]
name = "ratio"
experiment = "toy"
metric = "ratio"
case = "main"
systems = ["u-shape"]
form = "ratio"
of = "hat"
ours = ["tbt_ms.mean"]
[[alternative]]
name = "requests at random"
set = ["workload.devices=random"]
reason = "users"
"""


class CalibrateTest(unittest.TestCase):
    def setUp(self):
        self.temp = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.temp, ignore_errors=True)
        self.spec = SPEC.format(scenario=SCENARIO)

    def hat(self, *words, code=0):
        done = subprocess.run([HAT, *words], capture_output=True, text=True, cwd=self.temp)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def simulated(self, system, *sets):
        words = [w for s in (*FEW, "workload.devices=in-turn", f"system.name={system}", *sets) for w in ("--set", s)]
        return json.loads(self.hat("simulate", SCENARIO, *words, "--json").stdout)

    def publish(self, latency_ms):
        """What the simulator itself gives at a latency is what is to be found again."""
        tbt = {s: self.simulated(s, f"link.latency_ms={latency_ms}")["tbt_ms"]["mean"] for s in ("u-shape", "hat")}
        (self.temp / "published.csv").write_text(
            "experiment,model,workload,rate_per_s,system,metric,value,unit,source\n"
            f"toy,m,w,1,u-shape,tbt_ms.mean,{tbt['u-shape']},ms,ourselves\n"
            f"toy,m,w,1,u-shape,ratio,{tbt['hat'] / tbt['u-shape']},ratio,ourselves\n")
        return tbt

    def calibrate(self, *more, code=0, spec=None):
        (self.temp / "spec.toml").write_text(spec or self.spec)
        return self.hat("calibrate", "spec.toml", "--out", "out", "--keys", "keys.toml", *more, code=code)

    def test_a_known_latency_is_found_again_and_a_second_call_runs_nothing(self):
        tbt = self.publish(17)
        first = self.calibrate()
        result = json.loads((self.temp / "out/calibration.json").read_text())
        self.assertAlmostEqual(result["fitted"]["parameters"][0], 17, delta=0.3)
        low, high = result["parameters"][0]["interval"]
        self.assertTrue(low < 17 < high)
        self.assertEqual(result["label"], "simulated")
        self.assertEqual(len(result["alternatives"]), 1)
        self.assertLess(abs(result["fitted"]["errors"][0]), 0.01)
        self.assertEqual((self.temp / "out/calibration.png").read_bytes()[1:4], b"PNG")
        self.assertIn("wrote keys.toml", first.stderr)
        # The keys, taken over, give what was published.
        again = self.simulated("u-shape", "@keys.toml")
        self.assertAlmostEqual(again["tbt_ms"]["mean"] / tbt["u-shape"], 1, delta=0.01)
        units = {path: path.stat().st_mtime_ns for path in (self.temp / "out/units").iterdir()}
        second = self.calibrate("--no-figure", "--quiet")
        self.assertEqual(second.stdout, first.stdout)
        self.assertEqual({path: path.stat().st_mtime_ns for path in (self.temp / "out/units").iterdir()}, units)

    def test_what_is_wrong_is_said_before_anything_runs(self):
        self.publish(17)
        for old, new, words in [
            ("key = \"link.latency_ms\"", "key = \"link.latenc_ms\"", ["spec.toml", "parameter 'latency_ms'", "link.latenc_ms"]),
            ("set = [\"workload.devices=random\"]", "set = [\"workload.devices=all\"]", ["requests at random", "workload.devices"]),
            ("systems = [\"u-shape\", \"hat\"]", "systems = [\"u-shape\", \"hat\", \"hut\"]", ["hut"]),
            ("ours = [\"tbt_ms.mean\"]", "ours = [\"tbt_ms.men\"]", ["toy, u-shape, ratio", "case 'main'", "tbt_ms.men"]),
            ("high = 50", "high = 0.5", ["spec.toml:14", "parameter.0.high"]),
            ("low = 1\n", "low = -1\n", ["spec.toml:13", "parameter.0.low"]),
            ("high = 50", "high = 70000", ["spec.toml", "parameter 'latency_ms' at 70000", "link.latency_ms"]),
            ("key = \"link.latency_ms\"", "key = \"cloud.replicas\"", ["parameter 'latency_ms'", "an integer"]),
            ("set = [\"workload.devices=random\"]", "set = [\"seed=7\"]", ["alternative", "'seed'"]),
            ("reason = \"users\"", "reason = \"a\\u0007\"", ["alternative.0.reason", "control characters"]),
        ]:
            failed = self.calibrate(code=2, spec=self.spec.replace(old, new))
            for word in words:
                self.assertIn(word, failed.stderr)
            self.assertEqual(failed.stderr.count("\n"), 1, failed.stderr)

    def test_a_place_for_the_keys_is_looked_at_first(self):
        self.publish(17)
        (self.temp / "spec.toml").write_text(self.spec)
        for keys in ("none/keys.toml", "spec.toml", "."):
            failed = self.hat("calibrate", "spec.toml", "--out", "out", "--keys", keys, code=2)
            self.assertIn(f"--keys '{keys}'", failed.stderr)
        self.assertFalse((self.temp / "out/calibration.md").exists())

    def test_a_folder_is_one_specification_s(self):
        self.publish(17)
        few = self.spec.replace("global = 12, local = 25, profile = 4, alternative = 3",
                                "global = 0, local = 0, profile = 0, alternative = 0")
        self.calibrate("--no-figure", spec=few)
        before = (self.temp / "out/calibration.md").read_bytes()
        for heading in (b"## Published figures", b"## Parameters", b"## Correlations", b"## Other assumptions"):
            self.assertIn(heading + b"\n\n|", before)
        (self.temp / "other.toml").write_text(few)
        refused = self.hat("calibrate", "other.toml", "--out", "out", code=2).stderr
        self.assertIn("--out 'out' holds the runs of 'spec'; give another folder", refused)
        self.assertEqual((self.temp / "out/calibration.md").read_bytes(), before)

    def test_keys_of_a_file(self):
        (self.temp / "keys.toml").write_text("[link]\nlatency_ms = 40\n[fleet.class.0]\ncount = 3\n")
        self.hat("simulate", SCENARIO, "--set", "@keys.toml", "--set", "workload.requests=30", "--out", "run")
        config = json.loads((self.temp / "run/manifest.json").read_text())["config"]
        self.assertRegex(config, r"latency_ms = 40\b")
        self.assertRegex(config, r"count = 3\b")
        self.assertIn("none.toml", self.hat("simulate", SCENARIO, "--set", "@none.toml", code=2).stderr)
        (self.temp / "bad.toml").write_text("link.latency_ms = \n")
        self.assertIn("bad.toml:1", self.hat("simulate", SCENARIO, "--set", "@bad.toml", code=2).stderr)
        (self.temp / "system.toml").write_text("system.name = 'hat'\n")
        self.assertIn("--systems", self.hat("compare", SCENARIO, "--set", "@system.toml", code=2).stderr)


if __name__ == "__main__":
    unittest.main()
