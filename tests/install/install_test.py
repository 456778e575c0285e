#!/usr/bin/env python3
"""`cmake --install` into an empty prefix: the programs run from another folder, as another user, without the clone."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HAT_BUILD_DIR", ROOT / "build/release"))
VERSION = re.search(r"project\(hat VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
PAPER = "experiments/paper/spec_bench_7b.toml"
NOBODY = 65534
TIMEOUT_S = 300


def run(*words, **options):
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, **options)


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hat install ")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o755)
        first = cls.folder / "first"
        result = run("cmake", "--install", BUILD, "--prefix", first)
        assert result.returncode == 0, result.stderr
        cls.prefix = cls.folder / "moved"
        first.rename(cls.prefix)  # nothing may remember where it was put
        cls.place = cls.folder / "elsewhere"
        cls.place.mkdir()
        cls.place.chmod(0o777)

    def hat(self, *words):
        """As another user, who finds nothing but the system's programs and hat."""
        other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return run(self.prefix / "bin/hat", *words, cwd=self.place, env={"PATH": "/usr/bin:/bin", "HOME": "/"},
                   **other)

    def succeeds(self, *words):
        result = self.hat(*words)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_simulates_a_shipped_scenario_by_its_name(self):
        self.assertIn("TTFT", self.succeeds("simulate", PAPER, "--set", "workload.requests=20", "--quiet"))

    def test_both_engines_are_there(self):
        few = ["simulate", PAPER, "--set", "workload.requests=20", "--json", "--quiet", "--engine"]
        self.assertEqual(self.succeeds(*few, "fibers"), self.succeeds(*few, "simgrid"))

    def test_a_file_of_the_users_own_comes_first(self):
        own = self.place / PAPER
        own.parent.mkdir(parents=True)
        own.write_text("name = 1\n")
        result = self.hat("simulate", PAPER)
        shutil.rmtree(self.place / "experiments")
        self.assertEqual(result.returncode, 2)
        self.assertIn("'name' must be", result.stderr)

    def test_compares_and_draws(self):
        self.succeeds("compare", PAPER, "--systems", "hat,u-shape", "--seeds", "1", "--set", "workload.requests=20",
                      "--out", "out", "--quiet")
        self.assertIn(b"PNG", (self.place / "out/comparison.png").read_bytes()[:8])

    def test_shows_a_shipped_profile(self):
        self.assertIn("vicuna-7b", self.succeeds("profile", "show", "profiles/data/a6000_vicuna-7b_cloud.json"))

    def test_every_shipped_scenario_is_there_with_all_that_it_reads(self):
        scenarios = [path.relative_to(ROOT) for path in (ROOT / "experiments").rglob("*.toml")
                     if "[model]" in path.read_text(encoding="utf-8")]  # plans and sets of keys are none
        self.assertGreater(len(scenarios), 5)
        if "-fsanitize=thread" in os.environ.get("HAT_CXX_FLAGS", ""):  # 8,128 threads or fibers at most
            scenarios = [path for path in scenarios if path.parent.name != "scale"]
        short = ["--set", "workload.duration_s=1e-9", "--set", "workload.outputs={kind='constant',tokens=1}"]
        for path in scenarios:
            with self.subTest(path):
                self.assertEqual(self.hat("simulate", path, *short, "--quiet", "--timeline", "timeline.json",
                                          "--force").stderr, "")

    def test_a_verb_whose_program_is_missing_says_so(self):
        result = self.hat("bench", "sim")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, r"^hat: 'bench sim' is not installed: there is no .*/bin/hat-bench-sim\n$")
        self.assertIn("Not installed:", self.succeeds())
        if not (self.prefix / "bin/hat-torch").exists():
            self.assertRegex(self.hat("train", "base", "--text", "x").stderr,
                             r"^hat: 'train base' is not installed: there is no .*/hat-torch, which needs libtorch\n$")

    def test_a_model_speaks(self):
        if not (self.prefix / "bin/hat-torch").exists():
            self.skipTest("built without the runtime")
        words = self.succeeds("generate", "--model", "models/small", "--prompt", "In the beginning",
                              "--max-new-tokens", "4")
        self.assertTrue(words)

    def test_its_version_is_the_projects(self):
        self.assertRegex(self.succeeds("--version"), rf"^hat {VERSION} \(([0-9a-f]{{40}}(-dirty)?|unknown)\)\n$")
        self.assertEqual(self.succeeds("--version"), self.succeeds("simulate", "--version"))
        newest = re.search(r"^## (\S+)", (ROOT / "CHANGES.md").read_text(), re.M)[1]
        self.assertEqual(newest, VERSION)

    def test_nothing_installed_names_the_clone(self):
        if os.environ.get("HAT_CXX_FLAGS"):
            self.skipTest("built with debug names, which tell where the sources are")
        for path in self.prefix.rglob("*"):
            if path.is_file() and path.parent.name != "lib":  # an archive holds debug names
                self.assertFalse(bytes(ROOT) + b"/" in path.read_bytes(), path)

    def test_the_manual_page_has_every_option_of_every_verb(self):
        page = (self.prefix / "share/man/man1/hat.1").read_text().replace("\\-", "-").replace("\\&", "")
        for verb in ("simulate", "compare", "profile model", "profile show", "trace import", "trace show"):
            section = page.split(f'.SH "HAT {verb.upper()}"\n.nf\n')[1].split("\n.fi\n")[0]
            self.assertEqual(section.replace("\\e", "\\").rstrip("\n"), self.succeeds(*verb.split(), "--help").rstrip("\n"))

    def complete(self, *words):
        script = ('source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _hat; printf "%s\\n" "${COMPREPLY[@]}"')
        result = run("bash", "-c", script, self.prefix / "share/bash-completion/completions/hat", "hat", *words)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.split()

    def test_bash_completes_verbs_and_options(self):
        self.assertEqual(self.complete("si"), ["simulate"])
        self.assertEqual(self.complete("profile", "sh"), ["show"])
        self.assertEqual(self.complete("trace", "show", "--t"), ["--text"])
        self.assertEqual(self.complete("simulate", "x.toml", "--expl"), ["--explain"])
        self.assertEqual(self.complete("simulate", "x.t"), [])
        self.assertEqual(self.complete("simulte", "--"), [])


if __name__ == "__main__":
    unittest.main()
