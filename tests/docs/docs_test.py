#!/usr/bin/env python3
"""The documentation against the tree: links, the commands that README shows, the tests that docs/model.md names."""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = ("build", "results", ".git")
OWN_VERBS = {"setup", "build", "test", "quickstart", "lint", "fuzz", "nightly"}  # of the script itself


def pages():
    return [p for p in ROOT.rglob("*.md") if p.relative_to(ROOT).parts[0] not in SKIPPED]


def without_code(text):
    return re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


class LinkTest(unittest.TestCase):
    def test_every_relative_link_leads_to_a_file_and_a_heading(self):
        seen = 0
        for page in pages():
            for link in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text(encoding="utf-8"))):
                if re.match(r"[a-z]+:", link):
                    continue
                seen += 1
                file, _, anchor = link.partition("#")
                target = (page.parent / file).resolve() if file else page
                where = f"{page.relative_to(ROOT)}: ({link})"
                self.assertTrue(target.exists(), where)
                if anchor:
                    self.assertIn(anchor, anchors(target), where)
        self.assertGreater(seen, 20)


class CommandTest(unittest.TestCase):
    def commands(self):
        for page in pages():
            for line in page.read_text(encoding="utf-8").splitlines():
                for command in re.findall(r"\./hat ([^`|#]+)", line):
                    yield f"{page.relative_to(ROOT)}: ./hat {command.strip()}", command.split()

    def test_every_verb_exists(self):
        known = (ROOT / "cli/known_verbs.cc").read_text()
        verbs = OWN_VERBS | set(re.findall(r'^    \{"([a-z ]+)", "hat', known, re.M))
        seen = 0
        for where, words in self.commands():
            if words[0] in ("VERB", "<verb>"):
                continue
            seen += 1
            self.assertTrue(words[0] in verbs or " ".join(words[:2]) in verbs, where)
        self.assertGreater(seen, 10)

    def test_every_file_that_a_command_reads_exists(self):
        for where, words in self.commands():
            for word in words:
                if re.match(r"(experiments|profiles|docs)/.*\.\w+$", word):
                    self.assertTrue((ROOT / word).exists(), where)

    def test_every_option_is_one_that_the_sources_know(self):
        sources = "".join(p.read_text() for p in [ROOT / "hat", *ROOT.glob("cli/*.cc"), *ROOT.glob("tests/bench/*.cc")])
        for where, words in self.commands():
            for word in words:
                if re.match(r"--[a-z]", word):
                    self.assertIn(word.split("=")[0], sources, where)


class WalkTest(unittest.TestCase):
    def test_every_command_of_readme_is_one_for_bash(self):
        with tempfile.TemporaryDirectory() as folder:
            walk = pathlib.Path(folder, "walk")
            subprocess.run([sys.executable, ROOT / "tests/roots/readme_walk.py", ROOT / "README.md", walk], check=True)
            steps = sorted(walk.iterdir())
            self.assertGreater(len(steps), 15)
            for step in steps:
                self.assertEqual(subprocess.run(["bash", "-n", step], check=False).returncode, 0, step.read_text())
                self.assertLessEqual(step.read_text().count("./hat "), 1, "a step is one command")


class TableTest(unittest.TestCase):
    def test_every_table_that_a_page_asks_for_is_a_plan(self):
        pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
        asked = re.findall(r"^<!-- (?:table|errors): (.+) -->$", pages, flags=re.M)
        names = {name for names in asked for name in names.split() if "#" not in name}
        plans = {path.stem for path in (ROOT / "figures").glob("*.toml") if 'kind = "table"' in path.read_text()}
        self.assertEqual(names, plans)


class NamedTestTest(unittest.TestCase):
    def test_every_test_that_a_page_names_exists(self):
        sources = "".join(p.read_text() for p in (ROOT / "tests").rglob("*.cc"))
        known = set(re.findall(r"\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\s*\)", sources))
        seen = 0
        for page in pages():
            for suite, name in re.findall(r"`([A-Z]\w+Test)\.(\w+)`", page.read_text(encoding="utf-8")):
                seen += 1
                self.assertIn((suite, name), known, page.relative_to(ROOT))
        self.assertGreater(seen, 50)


class PlaceTest(unittest.TestCase):
    def test_no_page_names_a_path_outside_the_project(self):
        for page in pages():
            for path in re.findall(r"(?<![\w.])/(?:work|home|root|tmp)/\S*", page.read_text(encoding="utf-8")):
                self.fail(f"{page.relative_to(ROOT)}: {path}")


if __name__ == "__main__":
    unittest.main()
