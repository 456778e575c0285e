"""A table of program runs that must fail well: what a case is, and what holds for all of them."""
import dataclasses
import os
import pathlib
import resource
import subprocess
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HAT_BIN_DIR", ROOT / "build/release/bin"))
PROFILES = ROOT / "profiles/data"
TIMEOUT_S = 120  # of a run that takes a second on an idle machine
MAX_LINE = 600  # characters: more is no clear line
# Under a sanitizer what a program holds, and the frames on its stack, are some times as large.
SANITIZED = os.environ.get("HAT_SANITIZED", "")  # by what: "address", "thread"
MAX_MEMORY_KB = 8_000_000 if SANITIZED else 1_000_000  # of any run: no input may cost more
SANITIZED_STACK = 64 << 20  # bytes

# Runs in a few milliseconds: two devices, four requests of twelve tokens.
SCENARIO = f"""
name = "small"
[model]
shape = "vicuna-7b"
device_layers = 2
[fleet]
[[fleet.class]]
name = "orin"
count = 2
profiles = ["{PROFILES}/agx-orin-maxn_vicuna-7b_device.json"]
[link]
[link.up]
rate_mbps = 60
[link.down]
rate_mbps = 100
[cloud]
profile = "{PROFILES}/a6000_vicuna-7b_cloud.json"
stages = 2
memory_gb = 48
[workload]
rate_per_s = 6
requests = 4
[workload.prompts]
kind = "constant"
tokens = 20
[workload.outputs]
tokens = 12
"""


def changed(text, old, new):
    """The text with its one `old` replaced, so that a case can tell what is wrong in its input."""
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times"
    return text.replace(old, new)


@dataclasses.dataclass
class Case:
    name: str
    command: str  # "simulate scenario.toml ..."; {profiles} is the folder of the shipped profiles
    words: tuple  # that the one line on stderr must have: the place, the key, what is allowed
    files: dict = dataclasses.field(default_factory=dict)  # name: text, bytes or None (a folder)
    exit_code: int = 2
    arguments: tuple = ()  # after those in `command`, as they are: with spaces, empty, bytes
    leaves: tuple = ()  # results that are complete all the same
    run: dict = dataclasses.field(default_factory=dict)  # further options of subprocess.run


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())


def words_of(case):
    program, *arguments = case.command.split()
    arguments = [argument.replace("{profiles}", str(PROFILES)) for argument in arguments]
    return [BIN / "hat", *program.split("-"), *arguments, *case.arguments]


def content(path):
    """Of a file that this user may not read: its size and when it was written."""
    if not path.is_file():
        return None
    try:
        return path.read_bytes()
    except PermissionError:
        return path.stat().st_size, path.stat().st_mtime_ns


def tree(folder):
    """Every path below, hidden ones too, with its content."""
    return {str(path.relative_to(folder)): content(path) for path in sorted(folder.rglob("*"))}


@dataclasses.dataclass
class Result:
    exit_code: int  # below 0: the signal that ended it
    stdout: bytes
    stderr: bytes
    memory_kb: int


def run(case, folder):
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        options = {"stdin": subprocess.DEVNULL, "stdout": stdout, **case.run}
        if SANITIZED:
            most = resource.getrlimit(resource.RLIMIT_STACK)[1]
            limits = (SANITIZED_STACK, most)
            options.setdefault("preexec_fn", lambda: resource.setrlimit(resource.RLIMIT_STACK, limits))
        process = subprocess.Popen(words_of(case), cwd=folder, stderr=stderr, **options)
        watchdog = threading.Timer(TIMEOUT_S, process.kill)
        watchdog.start()
        _, status, usage = os.wait4(process.pid, 0)
        watchdog.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        stderr.seek(0)
        return Result(process.returncode, stdout.read(), stderr.read(), usage.ru_maxrss)


class ProgramTest(unittest.TestCase):
    """Tests of this kind get one method a case by `add_cases`."""

    def check(self, case):
        with tempfile.TemporaryDirectory(prefix="hat-case-") as name:
            folder = pathlib.Path(name)
            write(folder, {"scenario.toml": SCENARIO, **case.files})
            self.check_in(folder, case)

    def check_in(self, folder, case):
        before = tree(folder)
        result = run(case, folder)
        self.check_failure(case, result)
        after = tree(folder)
        for name in case.leaves:
            self.assertNotEqual(after.pop(name), b"", name)
        self.assertEqual(sorted(after), sorted(before), "the files left behind")
        self.assertEqual(after, before)

    def check_failure(self, case, result):
        error = result.stderr.decode(errors="backslashreplace")
        if os.environ.get("HAT_SHOW"):
            print(f"[{result.exit_code}] {case.name}\n    {error[:1000]}", flush=True)
        self.assertEqual(result.exit_code, case.exit_code, error[-1000:])
        self.assertEqual(error.count("\n"), 1, error)
        self.assertTrue(error.endswith("\n"))
        line = error.removesuffix("\n")
        program = "hat " + case.command.split()[0].replace("-", " ")
        self.assertTrue(line.startswith(program + ": "), line)
        self.assertTrue(line.isprintable(), repr(line))
        self.assertLessEqual(len(line), MAX_LINE, line)
        self.assertNotIn("unexpected failure", line)
        for word in case.words:
            self.assertIn(word, line)
        self.assertEqual(result.stdout, b"")
        self.assertLess(result.memory_kb, MAX_MEMORY_KB)


def add_cases(test_class, cases):
    for case in cases:
        name = "test_" + case.name.replace(" ", "_")
        assert not hasattr(test_class, name), f"two cases are named '{case.name}'"
        setattr(test_class, name, lambda self, case=case: self.check(case))
