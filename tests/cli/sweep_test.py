"""Sweeps through the program: killed at random, they end with the bytes of an undisturbed one."""
import csv
import importlib.util
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

HAT = pathlib.Path(os.environ["HAT_BIN_DIR"]) / "hat"
SANITIZED = os.environ.get("HAT_SANITIZED", "") != ""
UNITS = 200 if SANITIZED else 2000
PLAN = """
scenario = "{scenario}"
systems = ["hat", "u-shape", "u-sarathi", "cloud-only"]
seeds = {seeds}
set = ["workload.requests=2", "workload.warmup_requests=0", "workload.outputs.tokens=4"]
[[axis]]
key = "workload.rate_per_s"
values = [1, 2, 3, 4, 6]
"""


def tree(folder):
    """Of every file below: its bytes."""
    return {path.relative_to(folder): path.read_bytes()
            for path in sorted(folder.rglob("*")) if path.is_file()}


class SweepTest(unittest.TestCase):
    def setUp(self):
        self.temp = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.temp, ignore_errors=True)
        self.shipped = HAT.parent.parent / "share/hat/experiments/paper/spec_bench_7b.toml"
        self.plan = self.temp / "plan.toml"
        self.write_plan(200)

    def write_plan(self, units):
        self.plan.write_text(PLAN.format(scenario=self.shipped, seeds=units // 20))

    def hat(self, *words, code=0):
        done = subprocess.run([HAT, *words], capture_output=True, text=True, cwd=self.temp)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout

    def start(self, *words):
        return subprocess.Popen([HAT, *words], cwd=self.temp, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL)

    def count(self, folder):
        return len(list((self.temp / folder / "units").glob("*")))

    def test_killed_five_times_it_ends_with_the_bytes_of_an_undisturbed_run(self):
        self.write_plan(UNITS)
        self.hat("sweep", "run", "plan.toml", "--out", "whole", "--quiet")
        drawn = random.Random(1)
        for kill in range(5):
            run = self.start("sweep", "run", "plan.toml", "--out", "killed")
            goal = (kill + drawn.random()) * UNITS / 6
            while self.count("killed") < goal and run.poll() is None:
                time.sleep(drawn.random() * 0.01)
            run.kill()
            self.assertEqual(run.wait(), -signal.SIGKILL, "it ended before it was killed")
        self.assertLess(self.count("killed"), UNITS)
        self.assertIn(f"{UNITS} of {UNITS} runs are done",
                      self.hat("sweep", "run", "plan.toml", "--out", "killed"))
        for folder in ("whole", "killed"):
            self.hat("sweep", "collect", "plan.toml", "--out", folder)
        whole, killed = tree(self.temp / "whole"), tree(self.temp / "killed")
        for name in ("sweep.json", "locks/.takeover"):
            whole.pop(pathlib.Path(name), None), killed.pop(pathlib.Path(name), None)
        self.assertEqual(whole.keys(), killed.keys())
        self.assertEqual([name for name in whole if whole[name] != killed[name]], [])

    def test_two_runs_share_the_work_and_a_signal_ends_one_between_units(self):
        first = self.start("sweep", "run", "plan.toml", "--out", "out", "--jobs", "1")
        while self.count("out") < 20:
            time.sleep(0.01)
        second = self.start("sweep", "run", "plan.toml", "--out", "out", "--jobs", "1")
        while self.count("out") < 60:
            time.sleep(0.01)
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(), 1)
        self.assertEqual(second.wait(), 0)
        self.assertEqual(self.count("out"), 200)
        self.assertEqual([*(self.temp / "out/work").glob("*")], [])

    def test_a_unit_is_named_by_its_path_and_its_figures_are_in_the_tables(self):
        small = ("plan.toml", "--out", "out", "--set", "fleet.scale=0.1")
        todo = self.hat("sweep", "list", *small, "--todo").splitlines()
        self.assertEqual(len(todo), 200)
        self.hat("sweep", "unit", todo[7], todo[3])
        self.assertEqual(len(self.hat("sweep", "list", *small, "--todo").splitlines()), 198)
        self.assertIn("2 done, 0 failed", self.hat("sweep", "collect", *small))
        with sqlite3.connect(self.temp / "out/results.sqlite") as tables:
            rows = tables.execute(
                "select u.system, u.\"workload.rate_per_s\", m.value,"
                " (select avg(ttft_ms) from requests r where r.unit = u.unit)"
                " from units u join metrics m using (unit) where m.metric = 'ttft_ms.mean'").fetchall()
        self.assertEqual(len(rows), 2)
        for _, rate, mean, average in rows:
            self.assertIn(rate, (1, 2, 3, 4, 6))
            self.assertAlmostEqual(mean, average, places=4)

    def test_other_programs_run_what_is_to_do(self):
        todo = f'"{HAT}" sweep list plan.toml --out {{}} --todo'
        one = f'"{HAT}" sweep unit --quiet'
        lists = {"xargs": f"{todo} | xargs -d '\\n' -P 2 -n 1 {one}",
                 "parallel": f"{todo} | parallel -j 2 '{one}' {{{{}}}}"}
        self.write_plan(40)
        for name, command in lists.items():
            if shutil.which(name) is None:
                print(f"SKIPPED: there is no {name} here ('./hat setup --slurm')", file=sys.stderr)
                continue
            with self.subTest(name):
                subprocess.run(command.format(name), shell=True, cwd=self.temp, check=True,
                               env={**os.environ, "PARALLEL_HOME": str(self.temp)})
                self.assertEqual(self.count(name), 40)
                self.assertEqual(self.hat("sweep", "list", "plan.toml", "--out", name, "--todo"), "")

    def test_who_only_looks_makes_no_folder(self):
        self.assertEqual(self.hat("sweep", "list", "plan.toml", "--out", "mistyped").count("todo "), 200)
        refused = subprocess.run([HAT, "sweep", "collect", "plan.toml", "--out", "mistyped"], cwd=self.temp,
                                 capture_output=True, text=True)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("there is no folder 'mistyped'", refused.stderr)
        self.assertFalse((self.temp / "mistyped").exists())

    def test_duckdb_makes_parquet_of_the_results_as_documented(self):
        if importlib.util.find_spec("duckdb") is None:
            print("SKIPPED: there is no duckdb here ('pip install duckdb')", file=sys.stderr)
            self.skipTest("no duckdb")
        self.write_plan(20)
        self.hat("sweep", "run", "plan.toml", "--out", "results/rates", "--quiet")
        self.hat("sweep", "collect", "plan.toml", "--out", "results/rates")
        page = (pathlib.Path(__file__).parents[2] / "docs/sweeps.md").read_text()
        (command,) = (line for line in page.splitlines() if "duckdb.sql" in line)
        subprocess.run(command.replace("python3", f'"{sys.executable}"', 1), shell=True, cwd=self.temp, check=True)
        with open(self.temp / "results/rates/results.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        import duckdb
        table = duckdb.sql(f"from '{self.temp}/results/rates/results.parquet'")
        self.assertEqual(table.columns, list(rows[0]))
        self.assertEqual([str(kind) for name, kind in zip(table.columns, table.types) if name == "ttft_ms.mean"],
                         ["DOUBLE"])
        means = dict(table.select('"key", "ttft_ms.mean"').fetchall())
        self.assertEqual(means, {row["key"]: float(row["ttft_ms.mean"]) for row in rows})

    def test_a_unit_of_other_inputs_is_refused(self):
        text = self.shipped.read_text()
        for folder in ("../../profiles", "../workloads"):
            text = text.replace(folder, str((self.shipped.parent / folder).resolve()))
        scenario = self.temp / "scenario.toml"
        scenario.write_text(text)
        self.shipped = scenario
        self.write_plan(20)
        todo = self.hat("sweep", "list", "plan.toml", "--out", "out", "--todo").splitlines()
        self.hat("sweep", "unit", todo[0])
        scenario.write_text(text.replace("latency_ms = 2", "latency_ms = 3"))
        self.hat("sweep", "unit", todo[1], code=2)
        self.hat("sweep", "unit", "somewhere", code=2)
        self.hat("sweep", "unit", "out/units/0", code=2)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
