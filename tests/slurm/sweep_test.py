"""A sweep as a job array on a real Slurm: preempted, out of time, killed, without its node, it ends with the bytes
of a sweep without Slurm. Exit code 77, and a line that says why, where there is no Slurm."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import cluster
from cluster import until

HAT = pathlib.Path(os.environ["HAT_BIN_DIR"]) / "hat"
UNITS = 60
PLAN = """
scenario = "{scenario}"
systems = ["hat", "u-shape", "u-sarathi"]
seeds = {seeds}
set = ["workload.requests={requests}"]
"""
REQUESTS = 1000  # so that a unit takes a quarter of a second


def units(folder):
    """Of every file of every unit that is done: its bytes."""
    return {path.relative_to(folder): path.read_bytes()
            for path in sorted((folder / "units").rglob("*")) if path.is_file()}


class SlurmTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temp = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.temp, ignore_errors=True)
        cls.plan = cls.temp / "a plan.toml"
        scenario = HAT.parent.parent / "share/hat/experiments/paper/spec_bench_7b.toml"
        cls.plan.write_text(PLAN.format(scenario=scenario, seeds=UNITS // 3, requests=REQUESTS))
        cls.whole = cls.temp / "whole"
        cls.hat("sweep", "run", cls.plan, "--out", cls.whole, "--quiet")

    @classmethod
    def hat(cls, *words):
        done = subprocess.run([HAT, *words], env=slurm.env, capture_output=True, text=True, cwd=cls.temp, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def setUp(self):
        self.folder = self.temp / self.id().rpartition(".")[2].replace("_", " ")
        self.addCleanup(slurm.call, "scancel", "--user", str(os.getuid()), check=False)

    def submit(self, tasks, *options):
        """A sweep in as many tasks; returns the job's number when each has begun."""
        said = self.hat("sweep", "slurm", self.plan, "--out", self.folder, "--partition", "low",
                        "--unit-seconds", "1", "--minutes", str(UNITS / 60 / tasks), "--submit", *options)
        self.assertIn(f"{UNITS} runs to do, in {tasks} tasks", said)
        return re.search(r"submitted as job (\d+)\n", said)[1]

    def done(self):
        return len(list((self.folder / "units").glob("*")))

    def log(self, job, task):
        path = self.folder / f"slurm/{job}_{task}.log"
        return path.read_text() if path.exists() else ""

    def wait_for_done(self, count):
        until(lambda: self.done() >= count, f"{count} units of {self.folder.name}")
        self.assertLess(self.done(), UNITS - 4, "too late to disturb it")

    def check_end(self, job, tasks):
        until(slurm.is_empty, "the end of all jobs")
        where = "\n".join(self.log(job, task + 1) for task in range(tasks))
        self.assertEqual([task["JobState"] for task in slurm.job(job)], ["COMPLETED"] * tasks, where)
        whole, sweep = units(self.whole), units(self.folder)
        self.assertEqual(self.done(), UNITS, where)
        self.assertEqual(whole.keys(), sweep.keys())
        self.assertEqual([name for name in whole if whole[name] != sweep[name]], [])
        for left in ("failed", "work", "locks"):
            self.assertEqual([path.name for path in (self.folder / left).glob("[0-9a-f]*")], [], left)

    @staticmethod
    def signal_units(number):
        """To the processes in which hat runs units."""
        for pid in slurm.ours():
            with contextlib.suppress(OSError):
                parent = re.search(r"^PPid:\s*(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]
                if all(os.path.samefile(f"/proc/{one}/exe", HAT) for one in (pid, parent)):
                    os.kill(pid, number)

    def restarts(self, job):
        return [int(task["Restarts"]) for task in slurm.job(job)]

    def test_preempted_tasks_come_back(self):
        job = self.submit(4)
        self.wait_for_done(4)
        slurm.call("sbatch", "--partition=high", "--exclusive", "--output=/dev/null", "--wrap=sleep 2")
        self.check_end(job, 4)
        self.assertEqual(sorted(self.restarts(job)), [0, 0, 1, 1])  # both that ran
        self.assertIn("DUE TO PREEMPTION", self.log(job, 1))
        self.assertIn("no other run starts", self.log(job, 1))

    # Slurm looks each half minute whose time is up; a limit of a minute then always is. A run that stands still until
    # that moment makes the task last so long.
    def test_a_task_whose_time_is_up_comes_back(self):
        job = self.submit(1, "--time", "1")
        self.wait_for_done(4)
        until(lambda: self.signal_units(signal.SIGSTOP) or "no other run starts" in self.log(job, 1), "the signal")
        self.signal_units(signal.SIGCONT)
        self.check_end(job, 1)
        log = self.log(job, 1)
        self.assertGreaterEqual(self.restarts(job)[0], 1, log)
        self.assertEqual(log.count("its time is up; it comes back"), self.restarts(job)[0], log)

    def test_tasks_go_on_that_were_killed_or_whose_node_went_down(self):
        job = self.submit(2)
        self.wait_for_done(4)
        slurm.call("scancel", "--signal=KILL", "--batch", f"{job}_1")
        until(lambda: "FAILED" in [task["JobState"] for task in slurm.job(job)], "the death of a task")
        slurm.call("scontrol", "requeue", f"{job}_1")
        until(lambda: "restarted 1 times" in self.log(job, 1), "the return of a task")
        slurm.call("scontrol", "update", "nodename=n1", "state=down", "reason=test")
        until(lambda: max(self.restarts(job)) == 2, "its return to the queue")
        slurm.call("scontrol", "update", "nodename=n1", "state=resume", check=False)  # it may have come by itself
        self.check_end(job, 2)

    def test_a_cancelled_task_does_not_come_back(self):
        job = self.submit(2)
        self.wait_for_done(4)
        slurm.call("scancel", job)
        until(slurm.is_empty, "the end of all jobs")
        self.assertEqual({task["JobState"] for task in slurm.job(job)}, {"CANCELLED"})
        self.assertEqual([*(self.folder / "failed").glob("*")], [])
        self.assertLess(self.done(), UNITS)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the cluster ends then too
    try:
        slurm = cluster.Cluster()
    except cluster.CannotStart as reason:
        print(f"SKIPPED: the sweep on Slurm is not tested here: {reason}", file=sys.stderr)
        sys.exit(77)
    try:
        unittest.main(verbosity=2)
    finally:
        slurm.end()
