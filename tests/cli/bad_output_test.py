#!/usr/bin/env python3
"""Results that cannot be written: what stood there before still stands, nothing half-written is left."""
import json
import os
import pathlib
import resource
import signal
import subprocess
import tempfile
import time
import unittest

from program_case import BIN, SCENARIO, TIMEOUT_S, Case, ProgramTest, add_cases, changed, run, tree, write

SIMULATE = "simulate scenario.toml --quiet"
COMPARE = "compare scenario.toml --quiet --systems hat --seeds 1 --jobs 1 --no-figure"
MODEL = "profile-model --hardware a6000 --model vicuna-7b --role cloud"
SHOW = "profile-show {profiles}/a6000_vicuna-7b_cloud.json"
IMPORT = "trace-import in.jsonl"
TRACE = ('{"model": "m", "model_sha256": "' + "a" * 64 + '", "prompts_sha256": "' + "b" * 64 + '",'
         ' "output_tokens": 1, "max_steps": 0, "medusa_heads": 0}\n'
         '{"row": 0, "prompt_tokens": 20, "t": []}\n')
PRECIOUS = {"out/precious.txt": "years of work"}
RESULTS = {"out/manifest.json": "{}", "out/requests.csv": "old"}
LONG = changed(SCENARIO, "requests = 4", "requests = 1_000_000")

# Every way to ask for a result: a name, the command up to where the result goes, input files.
RESULTS_OF = [
    ("results", f"{SIMULATE} --out", {}),
    ("timeline", f"{SIMULATE} --timeline", {}),
    ("comparison", f"{COMPARE} --out", {}),
    ("profile", f"{MODEL} --out", {}),
    ("figure", f"{SHOW} --out", {}),
    ("trace", f"{IMPORT} --out", {"in.jsonl": TRACE}),
]
FOLDERS = ("results", "comparison")


def ending(name):
    return ".png" if name == "figure" else ""


def for_every_result():
    for name, command, files in RESULTS_OF:
        at = "x" + ending(name)
        yield Case(f"{name} below a file", f"{command} file/{at}", ("cannot write", "Not a directory"),
                   {**files, "file": "mine"}, exit_code=1)
        yield Case(f"{name} in proc", f"{command} /proc/{at}", ("cannot write", "/proc/x"),
                   files, exit_code=1)
        yield Case(f"{name} with an endless name", f"{command} {'x' * 300}{ending(name)}",
                   ("cannot write", "too long"), files, exit_code=1)
        if name in FOLDERS:
            yield Case(f"{name} at a file", f"{command} {at}", (f"'{at}'", "is not a folder"),
                       {**files, at: "mine"})
            yield Case(f"{name} among other files", f"{command} out", ("'out'", "not empty", "--force"),
                       {**files, **PRECIOUS})
            yield Case(f"{name} among other files by force", f"{command} out --force",
                       ("'out'", "manifest.json"), {**files, **PRECIOUS})
            yield Case(f"{name} where results are", f"{command} out", ("'out'", "not empty", "--force"),
                       {**files, **RESULTS})
            yield Case(f"{name} here", f"{command} .", ("'.'", "not empty", "--force"), files)
            yield Case(f"{name} at the root", f"{command} /", ("'/'", "not empty"), files)
        else:
            yield Case(f"{name} in no folder", f"{command} no/{at}", ("cannot write", "No such file"),
                       files, exit_code=1)
            yield Case(f"{name} where another file is", f"{command} {at}", (f"'{at}'", "exists", "--force"),
                       {**files, at: "mine"})
            if name in ("timeline", "trace"):  # a profile takes the folder for its file
                yield Case(f"{name} at a folder", f"{command} {at}", ("cannot write", "directory"),
                           {**files, f"{at}/mine": "x"}, exit_code=1)


class OutputTest(ProgramTest):
    def test_messages_that_nobody_reads_change_no_exit_code(self):
        for words, code in ((["simulate", "no.toml"], 2), (["profile", "show", "--list"], 2), (["--version"], 0)):
            reader, writer = os.pipe()
            os.close(reader)
            with os.fdopen(writer, "wb") as errors:
                done = subprocess.run([BIN / "hat", *words], stdout=subprocess.DEVNULL, stderr=errors, timeout=TIMEOUT_S, check=False)
            self.assertEqual(done.returncode, code, words)


add_cases(OutputTest, for_every_result())
add_cases(OutputTest, [
    Case("figure beside other numbers", f"{SHOW} --out x.png", ("'x.csv'", "exists", "--force"),
         {"x.csv": "mine"}),
    Case("results replaced by those of a bad scenario", f"{SIMULATE} --set seed=-1 --out out --force",
         ("'seed'",), RESULTS),
    Case("results in new folders", f"{SIMULATE} --set seed=-1 --out a/b/c", ("'seed'",)),
    Case("timeline in a full device", f"{SIMULATE} --timeline /dev/full", ("/dev/full", "No space"),
         exit_code=1),
    Case("profile in a full device", f"{MODEL} --out /dev/full", ("/dev/full", "No space"), exit_code=1),
    Case("force alone means nothing wrong", f"{SIMULATE} --force --gaps", ("--gaps requires --out",)),
    Case("no temporary folder", COMPARE, ("temporary",), exit_code=1,
         run={"env": {**os.environ, "TMPDIR": "/nowhere"}}),
    Case("published values malformed", f"{COMPARE} --out out", ("published.csv:1", "column"),
         {"published.csv": "x\n1\n"}),
])


def limit_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))


class FileSizeLimitTest(ProgramTest):
    """Like a full disk, but for every user. Results are larger than 700 bytes each."""


add_cases(FileSizeLimitTest, [
    Case(f"{name} too large", f"{command} x{ending(name)}", ("File too large",), files, exit_code=1,
         run={"preexec_fn": limit_files})
    for name, command, files in RESULTS_OF if name not in ("trace", "comparison")])


class FullDiskTest(ProgramTest):
    def on_disk(self, free_kib, case):
        with tempfile.TemporaryDirectory(prefix="hat-case-") as name:
            folder = pathlib.Path(name)
            write(folder, {"scenario.toml": SCENARIO, "disk": None, **case.files})
            mount = ["mount", "-t", "tmpfs", "-o", f"size={free_kib + 16}k", "tmpfs", folder / "disk"]
            if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
                self.skipTest("may not mount a file system")
            try:
                (folder / "disk/filler").write_bytes(b"x" * 16 * 1024)
                self.check_in(folder, case)
            finally:
                subprocess.run(["umount", "-l", folder / "disk"], check=True)

    def test_full(self):
        for name, command, files in RESULTS_OF:
            with self.subTest(name):
                self.on_disk(0, Case(name, f"{command} disk/x{ending(name)}",
                                     ("cannot write", "No space left"), files, exit_code=1))

    def test_full_while_drawing(self):
        self.on_disk(16, Case("figure", f"{SHOW} --out disk/x.png", ("x.png", "No space left"),
                              exit_code=1))


class PermissionTest(ProgramTest):
    """As a user who is not root: root may read and write everything."""

    def as_user(self, case, closed):
        options = {}
        if os.getuid() == 0:
            options = {"user": 65534, "group": 65534, "extra_groups": []}
            try:
                subprocess.run([BIN / "hat", "simulate", "--version"], check=True, capture_output=True,
                               **options)
            except (OSError, subprocess.SubprocessError):
                self.skipTest("another user may not run the programs")
        with tempfile.TemporaryDirectory(prefix="hat-case-") as name:
            folder = pathlib.Path(name)
            write(folder, {"scenario.toml": SCENARIO, **case.files})
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o777)
            (folder / closed).chmod(0o555 if (folder / closed).is_dir() else 0)
            case.run.update(options)
            try:
                self.check_in(folder, case)
            finally:
                (folder / closed).chmod(0o755)

    def test_a_closed_input(self):
        for command in ("simulate in --out out", "compare in --out out", "profile-show in", "trace-show in",
                        "trace-import in --out out"):
            with self.subTest(command):
                self.as_user(Case("input", command, ("'in'", "Permission denied"), {"in": "x"}), "in")

    def test_a_read_only_folder(self):
        for name, command, files in RESULTS_OF:
            with self.subTest(name):
                self.as_user(Case(name, f"{command} closed/x{ending(name)}", ("Permission denied",),
                                  {**files, "closed": None}, exit_code=1), "closed")


class StdoutTest(ProgramTest):
    """A closed, full or broken stdout is a failed run, and never ends up in another file."""

    commands = (SIMULATE, f"{SIMULATE} --explain 1", COMPARE, "profile-model --list", SHOW,
                "trace-show t.trace --text", "simulate --help", "compare --version")

    def check_all(self, words, **options):
        files = {"scenario.toml": SCENARIO, "in.jsonl": TRACE}
        with tempfile.TemporaryDirectory(prefix="hat-case-") as name:
            folder = pathlib.Path(name)
            write(folder, files)
            self.assertEqual(run(Case("", f"{IMPORT} --out t.trace", ()), folder).exit_code, 0)
            for command in self.commands:
                with self.subTest(command):
                    self.check_in(folder, Case(command, command, ("stdout", *words), exit_code=1,
                                               run=options))

    def test_closed(self):
        self.check_all((), preexec_fn=lambda: os.close(1))

    def test_full(self):
        with open("/dev/full", "wb") as full:
            self.check_all(("No space left",), stdout=full)

    def test_broken(self):
        reader, writer = os.pipe()
        os.close(reader)
        self.check_all(("Broken pipe",), stdout=writer)
        os.close(writer)

    def test_results_are_whole_all_the_same(self):
        with open("/dev/full", "wb") as full:
            self.check(Case("out", f"{SIMULATE} --out out", ("stdout",), exit_code=1,
                            run={"stdout": full}, leaves=("out", "out/requests.csv", "out/summary.json", "out/utilisation.csv",
                                                          "out/manifest.json")))

    def test_a_closed_stderr_changes_no_exit_code(self):
        with tempfile.TemporaryDirectory(prefix="hat-case-") as name:
            folder = pathlib.Path(name)
            write(folder, {"scenario.toml": SCENARIO})
            case = Case("", f"{SIMULATE} --set seed=-1 --out out", (),
                        run={"preexec_fn": lambda: os.close(2)})
            self.assertEqual(run(case, folder).exit_code, 2)
            self.assertEqual(list(tree(folder)), ["scenario.toml"])


def wait_until_busy(process, cpu_s=0.5):
    """Until it has computed for so long, however long a busy machine takes for that."""
    while process.poll() is None:
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        if (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") >= cpu_s:  # user, system
            return
        time.sleep(0.01)


class InterruptTest(unittest.TestCase):
    def interrupt(self, which, *arguments):
        with tempfile.TemporaryDirectory(prefix="hat-case-") as name:
            folder = pathlib.Path(name)
            write(folder, {"scenario.toml": LONG})
            with subprocess.Popen([BIN / "hat", "simulate", "scenario.toml", *arguments], cwd=folder,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
                wait_until_busy(process)
                process.send_signal(which)
                _, error = process.communicate(timeout=TIMEOUT_S)
            yield process.returncode, error.decode(), folder

    def test_results_so_far_are_whole_and_marked(self):
        for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            for code, error, folder in self.interrupt(which, "--out", "out"):
                self.assertEqual((code, error.count("\n")), (1, 1), error)
                self.assertIn("interrupted", error)
                self.assertEqual(sorted(path.name for path in folder.iterdir()), ["out", "scenario.toml"])
                summary = json.loads((folder / "out/summary.json").read_text())
                self.assertTrue(summary["partial"])
                self.assertGreater(summary["requests"]["completed"], 0)
                rows = (folder / "out/requests.csv").read_text().splitlines()[1:]
                self.assertEqual(len(rows), summary["requests"]["arrived"])

    def test_without_a_folder_nothing_is_left(self):
        for code, error, folder in self.interrupt(signal.SIGINT, "--explain", "999999"):
            self.assertEqual((code, error.count("\n")), (1, 1), error)
            self.assertEqual(list(tree(folder)), ["scenario.toml"])


if __name__ == "__main__":
    unittest.main()
