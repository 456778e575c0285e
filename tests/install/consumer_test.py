#!/usr/bin/env python3
"""find_package(hat) in a project that knows nothing of the clone."""
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HAT_BUILD_DIR", ROOT / "build/release"))
LIBRARIES = ("core", "world", "protocol", "profiles", "experiments")


def run_well(*words):
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


class ConsumerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="hat consumer ")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.prefix = cls.folder / "prefix"
        run_well("cmake", "--install", BUILD, "--prefix", cls.prefix)

    def configure(self, name, version):
        flags = os.environ.get("HAT_CXX_FLAGS", "")
        return ["cmake", "-G", "Ninja", "-S", ROOT / "tests/install/consumer", "-B", self.folder / name,
                f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_FLAGS={flags}", f"-DWANTED_VERSION={version}"]

    def test_builds_and_runs(self):
        run_well(*self.configure("build", "0.1"))
        run_well("ninja", "-C", self.folder / "build")
        share = self.prefix / "share/hat"
        output = run_well(self.folder / "build/consumer", share / "experiments/paper/spec_bench_7b.toml",
                          share / "profiles/data/a6000_vicuna-7b_cloud.json")
        self.assertRegex(output, r"^spec_bench_7b: \d+ tokens, 0\.100 s\n$")

    def test_an_older_version_than_wanted_is_none(self):
        result = subprocess.run(self.configure("older", "7.0"), capture_output=True, text=True, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn('compatible with requested version "7.0"', " ".join(result.stderr.split()))

    def test_headers_of_the_libraries_are_there_and_no_others(self):
        installed = {p.relative_to(self.prefix / "include/hat").as_posix()
                     for p in (self.prefix / "include").rglob("*") if p.is_file()}
        sources = {p.relative_to(ROOT).as_posix() for folder in LIBRARIES for p in (ROOT / folder).rglob("*.h")}
        self.assertEqual(installed, sources)


if __name__ == "__main__":
    unittest.main()
