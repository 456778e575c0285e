#!/usr/bin/env python3
"""What ./hat says and returns, without building anything: on machines that are made up of a PATH."""
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ["bash", "sh", "env", "dirname", "readlink", "cat", "grep", "awk", "sort", "comm", "sed", "find",
         "tr", "paste", "mkdir", "mktemp", "chmod", "rm", "tar", "flock", "stat", "touch"]
NOBODY = 65534
COLUMNS, LINES = 80, 24  # of a terminal that nobody has widened


def packages():
    lines = (ROOT / "packages.txt").read_text().splitlines()
    return [line.split(maxsplit=2) for line in lines if not line.startswith("#")]


def programs():
    """The verbs of programs, in words."""
    return re.findall(r'^    \{"([a-z ]+)", "hat', (ROOT / "cli/known_verbs.cc").read_text(), re.M)


def temporary_folder(prefix):
    """Removed after all tests; open to every user."""
    folder = tempfile.TemporaryDirectory(prefix=prefix)
    unittest.addModuleCleanup(folder.cleanup)
    path = pathlib.Path(folder.name)
    path.chmod(0o755)
    return path


class Machine:
    """Where only a few tools, and the commands given as shell scripts, exist."""

    def __init__(self, **commands):
        self.path = temporary_folder("hat-machine-")
        for tool in TOOLS:
            os.symlink(shutil.which(tool, path="/usr/bin:/bin"), self.path / tool)
        for name, script in commands.items():
            path = self.path / name.replace("_", "-")
            path.write_text("#!/usr/bin/env bash\n" + script + "\n")
            path.chmod(0o755)

    def hat(self, *arguments, script=ROOT / "hat", **options):
        return subprocess.run([script, *arguments], env={"PATH": str(self.path)},
                              capture_output=True, text=True, timeout=60, check=False, **options)


def without_left_out(output):
    """Less the lines that say, where there is no Slurm or no sshd, that their tests were left out."""
    return "".join(line for line in output.splitlines(keepends=True) if not line.endswith(" was left out\n")
                   or "libtorch" in line)


def debian(installed, user_id, **commands):
    listing = "\n".join(f"echo installed {package}" for package in installed) or "true"
    return Machine(dpkg_query=listing, id=f"echo {user_id}",
                   **{"apt_get": 'echo "apt-get $*"', **commands})


# In place of the tools of a build: they write down their arguments, and programs that write down theirs.
CMAKE = """echo "cmake $*"
mkdir -p "build/$2/bin"
echo >"build/$2/build.ninja"
echo HAT_HAS_RUNTIME:INTERNAL=%s >"build/$2/CMakeCache.txt"
"""
NINJA = """echo "ninja $*"
for word; do
  case $word in hat | hat-*)
    printf '#!/bin/sh\\necho "%s ran: $*"\\n' "$word" >"$2/bin/$word"
    chmod +x "$2/bin/$word" ;;
  esac
done
"""


class Clone:
    """The script and what it reads, in a folder of its own behind a blank; nothing is built there."""

    def __init__(self, found="ON", user_id=1000, **commands):
        self.path = temporary_folder("hat clone ")
        for name in ("hat", "packages.txt", ".ci/run", ".ci/lint", "cli/known_verbs.cc", "cli/compare.cc"):
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.path / name)
        self.machine = debian([name for name, _, _ in packages()], user_id,
                              **{"cmake": CMAKE % found, "ninja": NINJA, "nproc": "echo 2",
                                 "ctest": 'echo "ctest $*"', **commands})

    def hat(self, *arguments, **options):
        return self.machine.hat(*arguments, script=self.path / "hat", **options)

    def change(self, name, at=4e9):
        os.utime(self.path / name, (at, at))

    def close(self):
        """build/ is another user's from now on. Returns options of `hat` for somebody who may not write."""
        build = self.path / "build"
        build.mkdir(exist_ok=True)
        if os.getuid() == 0:
            return {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        for path in [build, *build.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)
        return {}


class SetupTest(unittest.TestCase):
    names = [name for name, _, _ in packages()]

    def test_nothing_missing_needs_no_root(self):
        result = debian(self.names, 1000, apt_get="exit 9").hat("setup")
        self.assertEqual((result.returncode, result.stderr), (0, "setup: nothing is missing\n"))

    def test_root_installs_exactly_what_is_missing(self):
        result = debian(self.names[2:], 0).hat("setup")
        self.assertEqual(result.returncode, 0)
        self.assertIn("apt-get update", result.stderr)
        install = [line for line in result.stderr.splitlines() if line.startswith("apt-get install")]
        self.assertEqual(len(install), 1)
        self.assertEqual([w for w in install[0].split()[2:] if not w.startswith("-")],
                         sorted(self.names[:2]))

    def test_without_the_runtime_its_packages_are_left_out(self):
        runtime = {name for name, group, _ in packages() if group == "runtime"}
        self.assertIn("libtorch-dev", runtime)
        rest = [name for name in self.names if name not in runtime]
        result = debian(rest, 0).hat("setup", "--no-runtime")
        self.assertEqual((result.returncode, result.stderr), (0, "setup: nothing is missing\n"))
        self.assertIn("libtorch-dev", debian(rest, 0).hat("setup").stderr)

    def test_the_tools_of_some_tests_are_installed_only_where_they_are_asked_for(self):
        for extra, other in (("lint", "slurm"), ("slurm", "ssh"), ("ssh", "lint")):
            tools = {name for name, group, _ in packages() if group == extra}
            rest = [name for name in self.names if name not in tools]
            for words in ([], ["--no-runtime"], [f"--{other}"]):
                result = debian(rest, 0).hat("setup", *words)
                self.assertEqual((result.returncode, result.stderr), (0, "setup: nothing is missing\n"))
            for words in ([f"--{extra}"], ["--lint", "--slurm", "--ssh"]):
                self.assertRegex(debian(rest, 0).hat("setup", *words).stderr, "install .* " + " ".join(sorted(tools)))

    def test_a_user_goes_through_sudo(self):
        result = debian(self.names[1:], 1000, sudo='echo "sudo $*"').hat("setup")
        self.assertIn("sudo apt-get update", result.stderr)
        self.assertRegex(result.stderr, rf"sudo env .*apt-get install .* {re.escape(self.names[0])}\n")

    def test_without_sudo_the_message_is_the_command_for_root(self):
        result = debian(self.names[1:], 1000).hat("setup")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"As root: .*apt-get install --no-install-recommends "
                                        rf"{re.escape(self.names[0])}\n")

    def test_a_failed_installation_fails(self):
        self.assertNotEqual(debian([], 0, apt_get="exit 100").hat("setup").returncode, 0)

    def test_another_system_is_told_what_to_do(self):
        result = Machine().hat("setup")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Debian and Ubuntu only", result.stderr)
        self.assertIn("packages.txt", result.stderr)

    def test_every_package_has_a_group_and_a_reason(self):
        for name, group, reason in packages():
            self.assertIn(group, ("build", "sim", "runtime", "plots", "test", "lint", "slurm", "ssh"), name)
            self.assertTrue(reason)
        self.assertEqual(len(set(self.names)), len(self.names))


class BuildTest(unittest.TestCase):
    def test_the_last_line_of_test_says_that_the_runtime_was_left_out(self):
        result = Clone(found="OFF").hat("test", "--no-runtime")
        self.assertIn("-DHAT_RUNTIME=OFF", result.stderr)
        self.assertRegex(without_left_out(result.stdout), r"ctest .*\ntest: the runtime \(libtorch\) was left out\n$")
        self.assertEqual(result.returncode, 0)

    def test_tests_have_the_runtime_unless_told_otherwise(self):
        result = Clone().hat("test", "-L", "torch")
        self.assertIn("-DHAT_RUNTIME=ON", result.stderr)
        self.assertRegex(without_left_out(result.stdout), r"^ctest .* -L torch\n$")

    def test_sanitizers_leave_the_runtime_out(self):
        self.assertIn("-DHAT_RUNTIME=OFF", Clone().hat("build", "--preset", "asan").stderr)

    def test_a_program_without_the_runtime_is_built_without_asking_for_it(self):
        result = Clone(found="OFF").hat("simulate", "a b.toml")
        self.assertEqual(result.stdout, "hat ran: simulate a b.toml\n")
        self.assertNotIn("HAT_RUNTIME", result.stderr)

    def test_a_program_of_the_runtime_is_configured_with_it(self):
        result = Clone().hat("generate")
        self.assertEqual(result.stdout, "hat-torch ran: generate\n")
        self.assertIn("-DHAT_RUNTIME=ON", result.stderr)

    def test_a_program_of_the_runtime_says_what_it_needs(self):
        result = Clone(found="OFF").hat("generate")
        self.assertEqual(result.returncode, 1)
        self.assertIn("hat: 'generate' needs libtorch and sentencepiece", result.stderr)

    def test_only_what_was_asked_for_is_built(self):
        for words, program in ((["trace", "show"], "hat"), (["quickstart"], "hat"),
                               (["bench", "sim"], "hat-bench-sim")):
            result = Clone(found="OFF").hat(*words)
            ninja = [line for line in result.stderr.splitlines() if line.startswith("ninja")]
            self.assertEqual([line.split()[-1] for line in ninja], [program], result.stderr)

    def test_the_first_run_says_what_it_will_do_before_it_does(self):
        for words, program, size in ((["simulate"], "simulate", 140), (["quickstart"], "compare", 140),
                                     (["trace", "show"], "trace show", 140), (["generate"], "generate", 190),
                                     (["train", "base"], "train base", 190)):
            clone = Clone()
            first = clone.hat(*words).stderr.splitlines()[0]
            self.assertRegex(first, f"^hat: '{program}' is built first.* {size} MB.* minutes$")
            clone.change("cli/compare.cc")
            again = clone.hat(*words)
            self.assertRegex(again.stderr, "^(setup: nothing is missing\n)?ninja .*--quiet hat[a-z-]*\n")
        self.assertRegex(clone.hat("simulate").stderr, "^hat: 'simulate' is built first\nninja")

    def test_what_is_built_runs_without_a_tool_of_the_build(self):
        clone = Clone()
        clone.hat("simulate")
        result = clone.hat("trace", "show", "x")
        self.assertEqual((result.stdout, result.stderr), ("hat ran: trace show x\n", ""))
        (clone.path / "results").mkdir()
        os.utime(clone.path / "results", (4e9, 4e9))
        os.utime(clone.path, (1, 1))
        self.assertEqual(clone.hat("simulate", "x").stderr, "")

    def test_whatever_changes_a_result_builds_again(self):
        clone = Clone()
        git = clone.path / ".git"
        (git / "logs").mkdir(parents=True)
        for name in ("HEAD", "index", "logs/HEAD"):
            (git / name).write_text("x")
        clone.hat("simulate")
        self.assertEqual(clone.hat("simulate").stderr, "")
        for name in ("cli/compare.cc", "packages.txt", "cli", ".git/HEAD", ".git/index", ".git/logs/HEAD",
                     "build/release/CMakeCache.txt"):
            clone.change(name)
            self.assertRegex(clone.hat("simulate").stderr, "^ninja .*--quiet hat\n$", name)
            clone.change(name, at=1)
            self.assertEqual(clone.hat("simulate").stderr, "", name)
        (git / "logs/HEAD").unlink()  # who knows where the commit stands
        self.assertRegex(clone.hat("simulate").stderr, "^ninja .*--quiet hat\n$")

    def test_a_worktree_knows_its_commit_too(self):
        clone = Clone()
        place = clone.path / "build/elsewhere/git dir"
        (place / "logs").mkdir(parents=True)
        for name in ("HEAD", "index", "logs/HEAD"):
            (place / name).write_text("x")
        for gitdir in ("build/elsewhere/git dir", place):
            (clone.path / ".git").write_text(f"gitdir: {gitdir}\n")
            clone.hat("simulate")
            self.assertEqual(clone.hat("simulate").stderr, "")
            os.utime(place / "index", (4e9, 4e9))
            self.assertRegex(clone.hat("simulate").stderr, "^ninja .*--quiet hat\n$")
            os.utime(place / "index", (1, 1))

    def test_a_second_one_says_that_it_waits(self):
        clone = Clone()
        errors = clone.path / "stderr"
        (clone.path / "build").mkdir()
        for words in (["simulate"], ["build"], ["test"]):
            with open(clone.path / "build/.lock", "w", encoding="utf-8") as lock, \
                    open(errors, "w", encoding="utf-8") as stderr:
                fcntl.flock(lock, fcntl.LOCK_EX)
                with subprocess.Popen([clone.path / "hat", *words], env={"PATH": str(clone.machine.path)},
                                      stdout=subprocess.DEVNULL, stderr=stderr) as process:
                    deadline = time.monotonic() + 30
                    while "another ./hat is building here" not in errors.read_text() and \
                            time.monotonic() < deadline:
                        time.sleep(0.05)
                    waiting = errors.read_text()
                    fcntl.flock(lock, fcntl.LOCK_UN)
            self.assertIn("another ./hat is building here", waiting)
            self.assertNotRegex(waiting, "(?m)^(cmake|ninja)")
            self.assertEqual(process.returncode, 0)
            self.assertRegex(errors.read_text(), "(?m)^ninja")


class OtherUserTest(unittest.TestCase):
    """One who may not write into build/."""

    def setUp(self):
        self.clone = Clone(sudo='echo "sudo $*"')
        for path in (self.clone.path / "cli").iterdir():
            os.utime(path, (1, 1))

    def hat(self, *arguments):
        try:
            return self.clone.hat(*arguments, **self.clone.close())
        except OSError:
            self.skipTest("another user may not read the clone")

    def test_runs_what_is_built(self):
        self.clone.hat("compare")
        for words in (["compare", "x.toml", "--out", "y"], ["compare", "--help"]):
            result = self.hat(*words)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            self.assertEqual(result.stdout, f"hat ran: {' '.join(words)}\n")

    def test_is_told_that_the_sources_are_newer(self):
        self.clone.hat("compare")
        in_an_hour = time.time() + 3600
        os.utime(self.clone.path / "cli/compare.cc", (in_an_hour, in_an_hour))
        result = self.hat("compare", "x.toml")
        self.assertEqual((result.returncode, result.stdout), (0, "hat ran: compare x.toml\n"))
        self.assertRegex(result.stderr, r"^hat: .*before cli/compare.cc changed.*\n$")

    def test_is_told_so_only_until_the_owner_has_built_again(self):
        self.clone.hat("compare")
        os.utime(self.clone.path / "build/release/bin/hat", (2, 2))
        os.utime(self.clone.path / "build/release/.built/hat", (2, 2))
        os.utime(self.clone.path / "cli/compare.cc", (3, 3))  # of a program that need not be linked anew
        self.clone.hat("compare", "--seeds", "1")
        self.assertEqual(self.hat("compare", "x.toml").stderr, "")

    def test_is_told_what_to_do_where_something_must_be_built(self):
        self.clone.hat("compare")
        for words in (["bench", "sim"], ["generate"], ["build"], ["test"], ["quickstart"]):
            result = self.hat(*words)
            self.assertEqual((result.returncode, result.stdout), (1, ""), words)
            self.assertRegex(result.stderr, r"^hat: .*may not write into '.*/build', which belongs to \w+: "
                                            r"run './hat build' as that user, .*clone of your own\n$")

    def test_has_help_where_nothing_is_built(self):
        for words in (["compare", "--help"], ["build", "--help"], ["profile", "--help"]):
            self.assertEqual(self.hat(*words).returncode, 0, words)


class HelpTest(unittest.TestCase):
    """Help asks for nothing: no package, no tool of a build, no root."""

    def check(self, result, start):
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        lines = result.stdout.splitlines()
        self.assertTrue(lines[0].startswith(start), lines[0])
        self.assertLessEqual(max(map(len, lines)), COLUMNS, result.stdout)
        self.assertLessEqual(len(lines), LINES)

    def setUp(self):
        self.clone = Clone()
        self.clone.machine = Machine()

    def test_of_its_own_verbs(self):
        for verb in ("setup", "build", "test", "quickstart", "lint", "fuzz", "nightly"):
            for words in ([verb, "--help"], [verb, "-h"]):
                self.check(self.clone.hat(*words), f"./hat {verb}")
        self.check(self.clone.hat("build", "--preset", "asan", "--help"), "./hat build")

    def test_of_every_program_before_it_is_built(self):
        self.assertGreater(len(programs()), 15)
        for verb in programs():
            for option in ("--help", "-h"):
                result = self.clone.hat(*verb.split(), option)
                self.check(result, f"hat {verb}: ")
                self.assertIn("./hat build", result.stdout)
        self.assertFalse((self.clone.path / "build").exists())

    def test_of_a_program_that_is_built_is_its_own(self):
        clone = Clone()
        clone.hat("compare")
        result = clone.hat("compare", "x.toml", "--help")
        self.assertEqual((result.stdout, result.stderr), ("hat ran: compare x.toml --help\n", ""))

    def test_a_word_behind_two_dashes_is_no_option(self):
        self.assertIn("hat ran: simulate -- --help", Clone().hat("simulate", "--", "--help").stdout)

    def test_of_a_first_word_lists_the_second_ones(self):
        for word in ("profile", "trace", "train", "bench"):
            wanted = [verb for verb in programs() if verb.startswith(word + " ")]
            self.assertGreater(len(wanted), 1)
            help_text = self.clone.hat(word, "--help")
            self.check(help_text, "./hat " + word)
            for verb in wanted:
                self.assertRegex(help_text.stdout, rf"(?m)^\./hat {verb}  +\w+ \w+")
            alone = self.clone.hat(word)
            self.assertEqual((alone.returncode, alone.stdout, alone.stderr), (2, "", help_text.stdout))


class VerbTest(unittest.TestCase):
    def test_alone_it_explains_the_verbs_on_one_screen(self):
        result = Machine().hat()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for verb in ("quickstart", "profile", "simulate", "compare", "test", "bench"):
            self.assertIn(f"./hat {verb}", result.stdout)
        lines = result.stdout.splitlines()
        self.assertLessEqual(len(lines), LINES)
        self.assertLessEqual(max(map(len, lines)), COLUMNS)

    def test_an_unknown_verb_lists_the_known_ones(self):
        for words in (["simulte", "x.toml"], ["simulte", "--help"], [".*"], [""]):
            result = Machine().hat(*words)
            self.assertEqual((result.returncode, result.stdout), (2, ""), words)
            self.assertIn(f"unknown verb '{' '.join(words)}'", result.stderr)
            self.assertIn("quickstart, setup, build, test", result.stderr)
            self.assertIn("profile model", result.stderr)

    def test_an_unknown_second_word_lists_those_of_the_first(self):
        for word in ("nothing", "", "--model", ".*"):
            result = Machine().hat("train", word)
            self.assertEqual((result.returncode, result.stdout), (2, ""), word)
            self.assertEqual(result.stderr, f"hat: unknown verb 'train {word}'; there are train adapter, "
                                            "train base, train dialogues, train eval, train medusa\n")

    def test_mistakes_in_its_own_verbs_are_exit_code_two(self):
        for words in (["build", "--preset", "fast"], ["build", "--preset"], ["build", "x"],
                      ["test", "--fast"], ["test", "-L"], ["setup", "x"], ["build", "--no-runtime", "x"],
                      ["quickstart", "x"], ["fuzz", "9", "9"], ["lint", "x"], ["lint", "--base"],
                      ["nightly", "soon"], ["nightly", "9", "9"],
                      *(["fuzz", number] for number in
                        ("soon", "0", "010", "0x10", "1e3", "1.5", "+5", "5 ", ""))):
            result = Machine().hat(*words)
            self.assertEqual(result.returncode, 2, words)
            self.assertEqual(len(result.stderr.splitlines()), 1, words)

    def test_fuzz_says_that_it_needs_clang(self):
        result = Machine().hat("fuzz")
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1))
        self.assertIn("apt-get install --no-install-recommends clang-16 libclang-rt", result.stderr)


class ContinuousIntegrationTest(unittest.TestCase):
    def run_ci(self, user_id, *arguments, **commands):
        core_test = """printf '#!/bin/sh\\necho "hat_core_test $*"\\n' >"$2/bin/hat_core_test"
                       chmod +x "$2/bin/hat_core_test" """
        clone = Clone(user_id=user_id, ctest='pwd; echo "HOME=$HOME TMPDIR=$TMPDIR"; echo "ctest $*"; exit 8',
                      ninja=NINJA + core_test, python3='echo "python3 $*"', **commands)
        return clone, clone.machine.hat(*arguments, script=clone.path / ".ci/run")

    def test_root_hands_the_tests_to_an_ordinary_user_in_a_copy_behind_a_blank(self):
        setpriv = 'while [ "$1" != env ]; do shift; done; exec "$@"'
        clone, result = self.run_ci(0, chown="true", setpriv=setpriv)
        self.assertEqual(result.returncode, 8, result.stderr)
        self.assertIn("lint: no clang-format here", result.stderr)
        self.assertIn("-DHAT_WARNINGS_AS_ERRORS=ON", result.stderr)
        *root_tests, place, environment, closing = without_left_out(result.stdout).splitlines()
        self.assertEqual([line.split()[0] for line in root_tests], [*["python3"] * 4, "hat_core_test"])
        self.assertIn("/an ordinary user/clone", place)
        self.assertNotIn(str(clone.path), place)
        home = place.removesuffix("/clone")
        self.assertEqual(environment, f"HOME={home} TMPDIR={home}/tmp")
        self.assertTrue(closing.startswith("ctest "))
        self.assertFalse(os.path.exists(home))

    def test_every_test_that_mounts_is_run_as_root(self):
        script = (ROOT / ".ci/run").read_text()
        mounting = {path.name: re.findall(r"class (\w*FullDisk\w*)|TEST\(\w+, (\w*FullDisk\w*)", text)
                    for path in (ROOT / "tests").rglob("*_test.*")
                    if "may not mount" in (text := path.read_text()) and path != pathlib.Path(__file__).resolve()}
        self.assertEqual(len(mounting), 3)
        for name, found in mounting.items():
            self.assertEqual(len(found), 1, name)
            self.assertIn("".join(found[0]), script)

    def test_an_ordinary_user_tests_the_clone_itself(self):
        clone, result = self.run_ci(1000, "-L", "fast", setpriv="exit 9")
        self.assertEqual(result.returncode, 8, result.stderr)
        self.assertIn("-DHAT_WARNINGS_AS_ERRORS=ON", result.stderr)
        place, _, closing = without_left_out(result.stdout).splitlines()
        self.assertEqual(place, str(clone.path))
        self.assertRegex(closing, "^ctest .* -L fast$")


if __name__ == "__main__":
    unittest.main()
