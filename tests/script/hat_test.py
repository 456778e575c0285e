#!/usr/bin/env python3
"""What ./hat says and returns, without building anything: on machines that are made up of a PATH."""
import os
import pathlib
import re
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

    def hat(self, *arguments):
        with self.folder:
            return subprocess.run([ROOT / "hat", *arguments], env={"PATH": self.folder.name},
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
            self.assertIn(group, ("build", "sim", "plots", "test"), name)
            self.assertTrue(reason)
        self.assertEqual(len(set(self.names)), len(self.names))


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
                      ["test", "--fast"], ["test", "-L"], ["setup", "x"], ["quickstart", "x"]):
            result = Machine().hat(*words)
            self.assertEqual(result.returncode, 2, words)
            self.assertEqual(len(result.stderr.splitlines()), 1, words)


if __name__ == "__main__":
    unittest.main()
