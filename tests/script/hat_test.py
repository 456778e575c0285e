#!/usr/bin/env python3
"""What ./hat says and returns, without building anything: on machines that are made up of a PATH."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ["bash", "env", "dirname", "readlink", "cat", "grep", "awk", "sort", "comm", "sed", "find",
         "tr", "paste"]


def packages():
    lines = (ROOT / "packages.txt").read_text().splitlines()
    return [line.split(maxsplit=2) for line in lines if not line.startswith("#")]


class Machine:
    """Where only a few tools, and the commands given as shell scripts, exist."""

    def __init__(self, **commands):
        self.folder = tempfile.TemporaryDirectory()
        for tool in TOOLS:
            place = next(p for p in ("/usr/bin", "/bin") if os.path.exists(f"{p}/{tool}"))
            os.symlink(f"{place}/{tool}", f"{self.folder.name}/{tool}")
        for name, script in commands.items():
            path = pathlib.Path(self.folder.name) / name.replace("_", "-")
            path.write_text("#!/usr/bin/env bash\n" + script + "\n")
            path.chmod(0o755)

    def hat(self, *arguments, script=ROOT / "hat"):
        with self.folder:
            return subprocess.run([script, *arguments], env={"PATH": self.folder.name},
                                  capture_output=True, text=True, timeout=60, check=False)


def debian(installed, user_id, **commands):
    listing = "\n".join(f"echo installed {package}" for package in installed) or "true"
    return Machine(dpkg_query=listing, id=f"echo {user_id}",
                   **{"apt_get": 'echo "apt-get $*"', **commands})


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

    def test_a_user_goes_through_sudo(self):
        result = debian(self.names[1:], 1000, sudo='echo "sudo $*"').hat("setup")
        self.assertIn("sudo apt-get update", result.stderr)
        self.assertRegex(result.stderr, rf"sudo env .*apt-get install .* {re.escape(self.names[0])}\n")

    def test_without_sudo_the_message_is_the_command_for_root(self):
        result = debian(self.names[1:], 1000).hat("setup")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, rf"As root: .*apt-get install .*{re.escape(self.names[0])}\n")

    def test_a_failed_installation_fails(self):
        self.assertNotEqual(debian([], 0, apt_get="exit 100").hat("setup").returncode, 0)

    def test_another_system_is_told_what_to_do(self):
        result = Machine().hat("setup")
        self.assertEqual(result.returncode, 1)
        self.assertIn("Debian and Ubuntu only", result.stderr)
        self.assertIn("packages.txt", result.stderr)

    def test_every_package_has_a_group_and_a_reason(self):
        for name, group, reason in packages():
            self.assertIn(group, ("build", "sim", "runtime", "plots", "test"), name)
            self.assertTrue(reason)
        self.assertEqual(len(set(self.names)), len(self.names))


class BuildTest(unittest.TestCase):
    """In a copy of the script, with a cmake that writes down its arguments and builds nothing."""

    def run_hat(self, *arguments, found="ON"):
        names = [name for name, _, _ in packages()]
        with tempfile.TemporaryDirectory() as root:
            for name in ("hat", "packages.txt"):
                shutil.copy(ROOT / name, root)
            folder = pathlib.Path(root, "cli")
            folder.mkdir()
            pathlib.Path(root, "tests").mkdir()
            (folder / "CMakeLists.txt").write_text("hat_add_program(fast fast.cc)\n"
                                                   "  hat_add_program(deep RUNTIME deep.cc)\n")
            programs = "mkdir -p build/release/bin; cd build/release; echo >build.ninja; " \
                       "printf '#!/bin/sh\\necho $0 ran\\n' | tee bin/hat-fast >bin/hat-deep; " \
                       f"chmod +x bin/*; echo HAT_HAS_RUNTIME:INTERNAL={found} >CMakeCache.txt"
            machine = debian(names, 0, cmake=f'echo "cmake $*"; {programs}', nproc="echo 2",
                             ninja='echo "ninja $*"', ctest='echo "ctest $*"')
            for tool in ("flock", "mkdir", "tee", "chmod", "sh"):
                os.symlink(shutil.which(tool), f"{machine.folder.name}/{tool}")
            return machine.hat(*arguments, script=f"{root}/hat")

    def test_the_last_line_of_test_says_that_the_runtime_was_left_out(self):
        result = self.run_hat("test", "--no-runtime", found="OFF")
        self.assertIn("-DHAT_RUNTIME=OFF", result.stderr)
        self.assertRegex(result.stdout, r"ctest .*\ntest: the runtime \(libtorch\) was left out\n$")
        self.assertEqual(result.returncode, 0)

    def test_tests_have_the_runtime_unless_told_otherwise(self):
        result = self.run_hat("test", "-L", "torch")
        self.assertIn("-DHAT_RUNTIME=ON", result.stderr)
        self.assertRegex(result.stdout, r"^ctest .* -L torch\n$")

    def test_sanitizers_leave_the_runtime_out(self):
        self.assertIn("-DHAT_RUNTIME=OFF", self.run_hat("build", "--preset", "asan").stderr)

    def test_a_program_without_the_runtime_is_built_without_asking_for_it(self):
        result = self.run_hat("fast", found="OFF")
        self.assertRegex(result.stdout, r"hat-fast ran\n$")
        self.assertNotIn("HAT_RUNTIME", result.stderr)
        self.assertIn("hat_programs", result.stderr)

    def test_a_program_of_the_runtime_is_configured_with_it(self):
        result = self.run_hat("deep")
        self.assertRegex(result.stdout, r"hat-deep ran\n$")
        self.assertIn("-DHAT_RUNTIME=ON", result.stderr)
        self.assertIn("hat_runtime_programs", result.stderr)

    def test_a_program_of_the_runtime_says_what_it_needs(self):
        result = self.run_hat("deep", found="OFF")
        self.assertEqual(result.returncode, 1)
        self.assertIn("hat: 'deep' needs libtorch and sentencepiece", result.stderr)


class VerbTest(unittest.TestCase):
    def test_alone_it_explains_the_verbs_on_one_screen(self):
        result = Machine().hat()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for verb in ("quickstart", "profile", "simulate", "compare", "test", "bench"):
            self.assertIn(f"./hat {verb}", result.stdout)
        lines = result.stdout.splitlines()
        self.assertLessEqual(len(lines), 24)
        self.assertLessEqual(max(map(len, lines)), 100)

    def test_an_unknown_verb_lists_the_known_ones(self):
        for words in (["simulte", "x.toml"], ["profile"], ["profile", "nothing"], [".*"]):
            result = Machine().hat(*words)
            self.assertEqual(result.returncode, 2, words)
            self.assertEqual(result.stdout, "")
            self.assertIn(f"unknown verb '{' '.join(words)}'", result.stderr)
            self.assertIn("quickstart, setup, build, test", result.stderr)
            self.assertIn("profile model", result.stderr)

    def test_mistakes_in_its_own_verbs_are_exit_code_two(self):
        for words in (["build", "--preset", "fast"], ["build", "--preset"], ["build", "x"],
                      ["test", "--fast"], ["test", "-L"], ["setup", "x"], ["build", "--no-runtime", "x"], ["quickstart", "x"],
                      ["fuzz", "soon"], ["fuzz", "0"], ["fuzz", "9", "9"]):
            result = Machine().hat(*words)
            self.assertEqual(result.returncode, 2, words)
            self.assertEqual(len(result.stderr.splitlines()), 1, words)

    def test_fuzz_says_that_it_needs_clang(self):
        result = Machine().hat("fuzz")
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1))
        self.assertIn("apt-get install clang libclang-rt", result.stderr)


if __name__ == "__main__":
    unittest.main()
