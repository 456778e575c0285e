#!/usr/bin/env python3
"""What ./hat lint looks at, with tools that are made up: each prints what it was given."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ["bash", "env", "dirname", "cat", "grep", "sort", "find", "git", "nproc", "xargs"]
FORMAT = """case $1 in --version) echo 'clang-format version %s.0.6' ;; *) echo "format: ${*:3}" ;; esac"""


class LintTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="hat lint ")
        self.addCleanup(folder.cleanup)
        self.tools = pathlib.Path(folder.name, "tools")
        self.tools.mkdir()
        for tool in TOOLS:
            os.symlink(shutil.which(tool), self.tools / tool)
        self.clone = pathlib.Path(folder.name, "clone")
        (self.clone / ".ci").mkdir(parents=True)
        shutil.copy(ROOT / ".ci/lint", self.clone / ".ci/lint")
        for name in ("old.cc", "old.sh", "changed.cc", "changed.sh", "gone.cc", "page.md"):
            (self.clone / name).write_text("old\n")
        self.git("init", "-q", "-b", "main")
        self.commit()
        self.git("switch", "-q", "-c", "work")
        self.write("changed.cc", "committed.h")
        self.git("rm", "-q", "gone.cc")
        self.commit()
        self.write("new.cc", "changed.sh", "page.md")

    def git(self, *words):
        subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *words], cwd=self.clone, check=True)

    def commit(self):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "x")

    def write(self, *names):
        for name in names:
            (self.clone / name).write_text("new\n")

    def tool(self, name, script):
        (self.tools / name).write_text("#!/usr/bin/env bash\n" + script + "\n")
        (self.tools / name).chmod(0o755)

    def lint(self, *words):
        return subprocess.run([self.clone / ".ci/lint", *words], capture_output=True, text=True, check=False,
                              env={"PATH": str(self.tools), "HOME": str(self.tools)})

    def test_missing_tools_are_left_out_aloud(self):
        result = self.lint()
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        for tool in ("clang-format", "shellcheck", "clang-tidy"):
            self.assertIn(f"lint: no {tool} here (packages.txt), left out\n", result.stderr)

    def test_looks_at_what_changed_since_the_base_and_what_is_new(self):
        self.tool("clang-format", FORMAT % 14)
        self.tool("shellcheck", 'echo "shell: $*"')
        result = self.lint("--no-tidy")
        self.assertEqual(result.stdout, "format: changed.cc committed.h new.cc\nshell: changed.sh\n", result.stderr)
        self.assertEqual(self.lint("--no-tidy", "--base", "HEAD").stdout, "format: new.cc\nshell: changed.sh\n")
        self.assertEqual(self.lint("--no-tidy", "--all").stdout.splitlines()[0],
                         "format: changed.cc committed.h new.cc old.cc")
        self.assertEqual(self.lint("--no-tidy", "--base", "nothing").returncode, 2)

    def test_an_unpacked_archive_is_looked_at_whole(self):
        shutil.rmtree(self.clone / ".git")
        (self.clone / "build").mkdir()
        self.write("build/made.cc")
        self.tool("clang-format", FORMAT % 14)
        self.assertEqual(self.lint("--no-tidy").stdout, "format: changed.cc committed.h new.cc old.cc\n")

    def test_another_version_of_clang_format_does_not_judge(self):
        self.tool("clang-format", FORMAT % 19)
        result = self.lint("--no-tidy")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertIn("not version 14, left out", result.stderr)

    def test_a_finding_is_exit_code_one(self):
        for tool, options in (("clang-format", ["--no-tidy"]), ("shellcheck", ["--no-tidy"]), ("clang-tidy", [])):
            self.tool(tool, 'case "$*" in --version) echo version 14.0;; *) exit 3;; esac')
            (self.clone / "build/release").mkdir(parents=True, exist_ok=True)
            (self.clone / "build/release/compile_commands.json").write_text(f'  "file": "{self.clone}/changed.cc"\n')
            self.assertEqual(self.lint(*options).returncode, 1, tool)
            (self.tools / tool).unlink()

    def test_tidies_what_is_compiled(self):
        self.tool("clang-tidy", 'echo "tidy: ${*: -1}"')
        self.assertIn("clang-tidy needs './hat build' first, left out", self.lint().stderr)
        (self.clone / "build/release").mkdir(parents=True)
        (self.clone / "build/release/compile_commands.json").write_text(
            "".join(f'  "file": "{self.clone}/{name}"\n' for name in ("changed.cc", "old.cc")))
        self.assertEqual(self.lint().stdout, "tidy: changed.cc\n")


if __name__ == "__main__":
    unittest.main()
