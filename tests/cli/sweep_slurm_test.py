"""hat sweep slurm, and what its script does, with programs of Slurm's that are made up; tests/slurm has real ones."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HAT = pathlib.Path(os.environ["HAT_BIN_DIR"]) / "hat"
PLAN = """
scenario = "{scenario}"
seeds = 30
set = ["workload.requests=2", "workload.warmup_requests=0", "workload.outputs.tokens=4"]
"""


class SweepSlurmTest(unittest.TestCase):
    def setUp(self):
        self.temp = pathlib.Path(tempfile.mkdtemp(prefix="hat sweep "))
        self.addCleanup(shutil.rmtree, self.temp, ignore_errors=True)
        self.bin = self.temp / "bin"
        self.bin.mkdir()
        for tool in ("sh", "bash", "env", "find", "wc", "date", "hostname", "sleep"):
            (self.bin / tool).symlink_to(shutil.which(tool))
        scenario = HAT.parent.parent / "share/hat/experiments/paper/spec_bench_7b.toml"
        (self.temp / "a plan.toml").write_text(PLAN.format(scenario=scenario))

    def program(self, name, script):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def hat(self, *words, code=0):
        done = subprocess.run([HAT, "sweep", *words], capture_output=True, text=True, cwd=self.temp,
                              env={**os.environ, "PATH": str(self.bin)}, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def slurm(self, *words, code=0):
        return self.hat("slurm", "a plan.toml", "--out", "out", *words, code=code)

    def script(self):
        return (self.temp / "out/sweep.sbatch").read_text()

    def test_some_runs_are_timed_and_stay_done(self):
        result = self.slurm()
        self.assertIn("5 of the runs to do were timed here and are done", result.stderr)
        self.assertIn("25 runs to do, in 1 tasks", result.stdout)
        self.assertEqual(len(list((self.temp / "out/units").glob("*"))), 5)
        self.assertTrue((self.temp / "out/slurm").is_dir())

    def test_an_array_is_within_the_sites_limit(self):
        long = ("--unit-seconds", "1000", "--minutes", "10")
        result = self.slurm(*long)
        self.assertIn("tells no MaxArraySize here; 1001,", result.stderr)
        self.assertIn("#SBATCH --array=1-30\n", self.script())
        self.program("scontrol", "echo 'MaxArraySize            = 11'")
        self.assertNotIn("MaxArraySize", self.slurm(*long).stderr)
        self.assertIn("#SBATCH --array=1-10\n", self.script())
        self.program("scontrol", "echo 'MaxArraySize            = 0'")
        self.assertIn("no job arrays", self.slurm(*long, code=1).stderr)

    def test_what_is_asked_for_stands_in_the_script(self):
        self.slurm("--unit-seconds", "1", "--cpus", "3", "--time", "2:00:00", "--partition", "a", "--partition", "b",
                   "--sbatch=--account=x", "--sbatch=--nice", "--set", "fleet.scale=0.1", "--script", "here.sbatch")
        script = (self.temp / "here.sbatch").read_text()
        for line in ("--cpus-per-task=3", "--time=2:00:00", "--partition=a,b", "--account=x", "--nice", "--requeue",
                     "--open-mode=append"):
            self.assertIn(f"#SBATCH {line}\n", script)
        self.assertIn("--set fleet.scale=0.1 --jobs 3 ", script)
        self.slurm("--time", "1\n2", "--unit-seconds", "1", code=2)

    def test_it_is_submitted_only_if_that_is_asked_for(self):
        self.program("sbatch", f'echo "$@" >> "{self.temp}/submitted"; echo 71')
        self.assertIn("to be submitted by: sbatch out/sweep.sbatch", self.slurm("--unit-seconds", "1").stderr)
        self.assertFalse((self.temp / "submitted").exists())
        self.assertIn("submitted as job 71\n", self.slurm("--unit-seconds", "1", "--submit").stdout)
        self.assertEqual((self.temp / "submitted").read_text(), f"--parsable {self.temp}/out/sweep.sbatch\n")
        self.program("sbatch", "exit 1")
        self.assertIn("sbatch did not take", self.slurm("--unit-seconds", "1", "--submit", code=1).stderr)

    def test_where_nothing_is_to_do_there_is_no_script(self):
        self.hat("run", "a plan.toml", "--out", "out", "--quiet")
        self.assertEqual(self.slurm().stdout, "nothing is to do\n")
        self.assertFalse((self.temp / "out/sweep.sbatch").exists())

    def start_task(self, hat):
        """A task of two, of which `hat` is a program with that text; its job has the number of the array."""
        self.slurm("--unit-seconds", "30", "--minutes", "7.5")
        self.program("scontrol", f'[ "$1" != requeue ] || echo "$@" >> "{self.temp}/asked"')
        self.program("hat", f"out='{self.temp}/out'\n{hat}")
        script = re.sub(r"^run=\(('[^']*'|[^\s']+)", f"run=('{self.bin}/hat'", self.script(), flags=re.M)
        self.assertIn(f"run=('{self.bin}/hat'", script)
        task = subprocess.Popen(["bash", "-c", script], text=True, stderr=subprocess.PIPE, env={
            "PATH": str(self.bin), "SLURM_JOB_ID": "7", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"})
        while not (self.temp / "out/started").exists() and task.poll() is None:
            time.sleep(0.01)
        return task

    def end_task(self, task, code):
        error = task.communicate(timeout=60)[1]
        self.assertEqual(task.returncode, code, error)
        asked = self.temp / "asked"
        return error, asked.read_text() if asked.exists() else ""

    STOPS = 'trap "exit 1" TERM\n%s\necho "$@" > "$out/started"\nwhile :; do sleep 0.1; done'

    def test_a_task_whose_time_is_up_stops_hat_and_comes_back_alone(self):
        task = self.start_task(self.STOPS % ': > "$out/units/one"')
        self.assertRegex((self.temp / "out/started").read_text(), "--shard 2/2$")
        task.send_signal(signal.SIGUSR1)
        error, asked = self.end_task(task, 0)
        self.assertIn("comes back", error)
        self.assertEqual(asked, "requeue 7_2\n")

    def test_a_task_in_which_no_run_ends_does_not_come_back(self):
        task = self.start_task(self.STOPS % "")
        task.send_signal(signal.SIGUSR1)
        error, asked = self.end_task(task, 1)
        self.assertIn("does not come back", error)
        self.assertEqual(asked, "")

    def test_a_task_that_is_preempted_or_cancelled_waits_for_hat_and_does_nothing(self):
        task = self.start_task('trap : TERM\necho > "$out/started"\nsleep 1\n: > "$out/ended"\nexit 1')
        task.send_signal(signal.SIGTERM)
        self.assertEqual(self.end_task(task, 1)[1], "")
        self.assertTrue((self.temp / "out/ended").exists())

    def test_a_task_that_is_done_says_how_hat_ended(self):
        for code in (0, 1, 2):
            self.assertEqual(self.end_task(self.start_task(f"exit {code}"), code)[1], "")


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
