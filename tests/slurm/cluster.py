"""A cluster of one node on this machine: munged, slurmctld and slurmd of Debian's packages, with files and ports
of their own, as root or as any other user. They end with it; nothing else on the machine is touched."""
import contextlib
import ctypes
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scontrol", "squeue", "scancel")
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
CONF = """
ClusterName=hat
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
CredType=cred/munge
# A job that is requeued waits for as long as a credential lives, 120 s without this; 5 is the least.
AuthInfo=socket={folder}/munge/socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,sched_min_interval=0,bf_interval=1,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
ReturnToService=2
MinJobAge=600
KillWait=5
MaxArraySize=101
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2
PartitionName=low Nodes=n1 Default=YES PriorityTier=1
PartitionName=high Nodes=n1 PriorityTier=10 PreemptMode=OFF
"""


class CannotStart(Exception):
    """The machine is not one for this; the message says why."""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def until(condition, what, seconds=200):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.2)


class Cluster:
    def __init__(self):
        missing = [name for name in PROGRAMS if shutil.which(name, path=PATH) is None]
        if missing:
            raise CannotStart(f"not installed: {', '.join(missing)}; './hat setup --slurm' installs them")
        # Short, for a socket's path may have 107 bytes; and without a blank, which slurm.conf cannot hold.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hat-slurm-", dir="/tmp"))
        self.daemons = []
        self.env = {"PATH": PATH, "SLURM_CONF": str(self.folder / "slurm.conf"), "LC_ALL": "C.UTF-8"}
        try:
            self.write_files()
            self.start()
        except BaseException:
            self.end()
            raise

    def write_files(self):
        self.folder.chmod(0o755)
        for name in ("munge", "state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        key = self.folder / "munge/key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(64))
        (self.folder / "slurm.conf").write_text(CONF.format(
            host=socket.gethostname().split(".")[0], user=pwd.getpwuid(os.getuid()).pw_name,
            ports=free_ports(2), folder=self.folder))

    def start(self):
        munge = self.folder / "munge"
        self.run_daemon("munged", "--foreground", f"--socket={munge}/socket", f"--key-file={munge}/key",
                        f"--pid-file={munge}/pid", f"--seed-file={munge}/seed", f"--log-file={munge}/log")
        self.wait_for((munge / "socket").exists, "munged")
        self.run_daemon("slurmctld", "-D", "-c")
        self.run_daemon("slurmd", "-D", "-N", "n1")
        self.wait_for(lambda: "idle" in self.call("sinfo", "-h", "-o", "%T", check=False), "an idle node")

    def run_daemon(self, *words):
        with (self.folder / f"{words[0]}.out").open("wb") as out:
            self.daemons.append(subprocess.Popen(words, env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL,
                                                 stdout=out, stderr=out, preexec_fn=end_with_parent))

    def wait_for(self, condition, what):
        def is_so():
            for daemon in self.daemons:
                if daemon.poll() is not None:
                    raise CannotStart(f"{daemon.args[0]} ended: {self.last_lines(daemon.args[0])}")
            return condition()
        try:
            until(is_so, what, 60)
        except TimeoutError as error:
            raise CannotStart(str(error)) from error

    def last_lines(self, name):
        return " | ".join((self.folder / f"{name}.out").read_text(errors="replace").splitlines()[-4:])

    def call(self, *words, check=True):
        """What one of Slurm's commands says."""
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=90, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(f"{words}: {done.stderr}")
        return done.stdout

    def job(self, job):
        """Of each task of a job array: 'JobState', 'Restarts' and all else that scontrol shows."""
        blocks = self.call("scontrol", "-o", "show", "job", job).splitlines()
        return [dict(word.split("=", 1) for word in block.split() if "=" in word) for block in blocks if block]

    def is_empty(self):
        return self.call("squeue", "-h").strip() == ""

    def ours(self):
        """The ids of all processes that were started for this cluster, those of jobs too."""
        mark = f"SLURM_CONF={self.env['SLURM_CONF']}".encode()
        for path in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (path / "environ").read_bytes().split(b"\0"):
                    yield int(path.name)
            except OSError:
                pass  # gone, or somebody else's

    def end(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for pid in self.ours():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
