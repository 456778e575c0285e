#!/usr/bin/env python3
"""Input that is unusual but right: it works, and says on stderr only what it wrote. And what holds for
all programs: their --help, the numbers that they take."""
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest

from bad_files_test import CONFIG, ORIN, TRACE_LINES, with_device, with_draft_trace, with_prompts
from bad_files_test import with_replay, with_trace
from draft_trace_bytes import draft_trace
from program_case import BIN, ROOT, SCENARIO, Case, run, write

BOM = "\ufeff"
SIMULATE = "simulate scenario.toml --quiet"


def crlf(text):
    return text.replace("\n", "\r\n")


def prompts(text):
    return {"scenario.toml": with_prompts("in.csv"), "in.csv": text}


def rates(text):
    return {"scenario.toml": with_trace("in.csv"), "in.csv": text}


# Arrivals, prompts and outputs of one file.
REPLAY = with_replay("in.csv").split("[workload.prompts]")[0] + """
[workload.prompts]
kind = "csv"
path = "in.csv"
[workload.outputs]
kind = "csv"
path = "in.csv"
"""

# A name, the command, files.
TABLE = [
    ("line ends of Windows in a scenario", SIMULATE, {"scenario.toml": crlf(SCENARIO)}),
    ("a byte order mark before a scenario", SIMULATE, {"scenario.toml": BOM + SCENARIO}),
    ("no last line end in a scenario", SIMULATE, {"scenario.toml": SCENARIO.rstrip("\n")}),
    ("a name with accents and quotes", SIMULATE,
     {"scenario.toml": SCENARIO.replace('"small"', '"klein & \\"süß\\" ☃"')}),
    ("line ends of Windows in prompts", SIMULATE, prompts(crlf("prompt_tokens\n5\n"))),
    ("a byte order mark before prompts", SIMULATE, prompts(BOM + "prompt_tokens\n5\n")),
    ("no last line end in prompts", SIMULATE, prompts("prompt_tokens\n5")),
    ("blank lines in prompts", SIMULATE, prompts("prompt_tokens\n\n5\n\n\n6\n")),
    ("quotes and a very long field in prompts", SIMULATE,
     prompts('prompt_tokens,"text, quoted"\n5,"' + "long " * 100_000 + '"\n')),
    ("integers with a point in prompts", SIMULATE, prompts("prompt_tokens\n5.0\n6.000\n")),
    ("integers with a point in a scenario", SIMULATE,
     {"scenario.toml": SCENARIO.replace("requests = 4", "requests = 4.0").replace("= 2\n", "= 2.0\n")}),
    ("integers with a point in a profile", SIMULATE,
     {"scenario.toml": with_device("in.json"), "in.json": ORIN.replace('"layers": 32', '"layers": 32.0')}),
    ("integers with a point in draft lines", "trace-import in.jsonl --out t.trace",
     {"in.jsonl": TRACE_LINES.replace('"prompt_tokens": 20', '"prompt_tokens": 20.0')}),
    ("integers with a point in Mahimahi's rates", SIMULATE, rates("0.0\n5.0\n10.0\n")),
    ("outputs and prompts that no row has together", SIMULATE,
     {"scenario.toml": REPLAY,
      "in.csv": "arrival_s,prompt_tokens,output_tokens\n0,4000,10\n1,100,4500\n"}),
    ("a row too long that no request reaches", SIMULATE + " --set workload.prompts.order=file",
     prompts("prompt_tokens\n" + "5\n" * 4 + "900000\n")),
    ("line ends of Windows in arrivals", SIMULATE,
     {"scenario.toml": with_replay("in.csv"), "in.csv": crlf("arrival_s\n0\n0\n1\n")}),
    ("line ends of Windows in rates", SIMULATE, rates(crlf("seconds,mbps\n0,50\n1,60\n"))),
    ("line ends of Windows in Mahimahi's rates", SIMULATE, rates(crlf("0\n5\n10\n"))),
    ("a byte order mark before a profile", SIMULATE,
     {"scenario.toml": with_device("in.json"), "in.json": BOM + ORIN}),
    ("line ends of Windows in a profile", SIMULATE,
     {"scenario.toml": with_device("in.json"), "in.json": crlf(ORIN)}),
    ("line ends of Windows in a model config",
     "profile-model --hardware a6000 --role cloud --model config.json", {"config.json": crlf(CONFIG)}),
    ("line ends of Windows in draft lines", "trace-import in.jsonl --out t.trace",
     {"in.jsonl": crlf(TRACE_LINES)}),
    ("a draft trace that fits", SIMULATE,
     {"scenario.toml": with_draft_trace("in.trace"), "in.trace": draft_trace()}),
    ("a draft trace of longer outputs", SIMULATE,
     {"scenario.toml": with_draft_trace("in.trace"), "in.trace": draft_trace(output_tokens=40)}),
    ("the smallest workload", SIMULATE + " --set workload.requests=1 --set workload.outputs.tokens=1 "
     "--set workload.prompts.tokens=1", {}),
    ("a rate of one in a year", SIMULATE + " --set workload.rate_per_s=3e-8", {}),
    ("the same option twice: the last holds", SIMULATE + " --set seed=1 --set seed=2", {}),
    ("results in folders that are not there", SIMULATE + " --out a/b/c", {}),
    ("results in an empty folder", SIMULATE + " --out out/", {"out": None}),
    ("results over older ones by force", SIMULATE + " --out out --force", {"out/manifest.json": "{}"}),
    ("a timeline over an older one by force", SIMULATE + " --timeline t.json --force",
     {"t.json": "old"}),
    ("the seed of a comparison by --set",
     "compare scenario.toml --quiet --systems hat --seeds 2 --no-figure --set seed=7", {}),
]


class OddInputTest(unittest.TestCase):
    def works(self, case):
        with tempfile.TemporaryDirectory(prefix="hat-case-") as name:
            folder = pathlib.Path(name)
            write(folder, {"scenario.toml": SCENARIO, **case.files})
            result = run(case, folder)
            said = [line for line in result.stderr.splitlines() if not line.startswith(b"wrote ")]
            self.assertEqual((result.exit_code, said), (0, []))
            return result.stdout.decode()

    def test_table(self):
        for name, command, files in TABLE:
            with self.subTest(name):
                self.works(Case(name, command, (), files))

    def test_a_file_name_that_is_no_text(self):
        files = {os.fsdecode(b"\xff.toml"): SCENARIO.replace('name = "small"\n', "", 1)}
        case = Case("", "simulate --quiet --json --out out", (), files, arguments=(b"\xff.toml",))
        self.assertIn('"scenario": "scenario"', self.works(case))

    def test_a_device_is_written_into_and_stays_one(self):
        self.works(Case("", f"{SIMULATE} --timeline /dev/null", ()))
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        self.assertEqual(list(pathlib.Path("/dev").glob("*null?*")), [])


class EveryVerbTest(unittest.TestCase):
    def helps(self):
        """Of each verb whose program is built: its words, and its help."""
        table = (ROOT / "cli/known_verbs.cc").read_text()
        known = re.findall(r'^    \{"([a-z ]+)", "(hat[a-z-]*)"', table, re.M)
        self.assertEqual(len(known), table.count('{"'), "each verb has a line of its own")
        built = [words for words, program in known if (BIN / program).exists()]
        self.assertGreater(len(built), 5)
        for words in built:
            command = [BIN / "hat", *words.split()]
            yield words, subprocess.run([*command, "--help"], check=True, capture_output=True, text=True).stdout

    def test_hat_lists_them(self):
        usage = subprocess.run([BIN / "hat"], check=True, capture_output=True, text=True).stdout
        for words, _ in self.helps():
            self.assertRegex(usage, rf"(?m)^  hat {words}  +\w+ \w+")

    def test_words_that_are_no_verb_are_refused(self):
        for words, message, code in (
                (["simulte", "x"], "hat: unknown verb 'simulte x'; there are ", 2), ([""], "hat: unknown verb ''; ", 2),
                (["trace", "nothing"], "hat: unknown verb 'trace nothing'; there are trace check, trace exits, trace fidelity, ", 2),
                (["trace"], "hat trace check  ", 2)):
            result = subprocess.run([BIN / "hat", *words], capture_output=True, text=True, check=False)
            self.assertEqual((result.returncode, result.stdout), (code, ""), words)
            self.assertTrue(result.stderr.startswith(message), result.stderr)

    def test_help_fits_a_terminal_but_for_commands_to_copy(self):
        for words, text in self.helps():
            for line in text.splitlines():
                self.assertTrue(len(line) <= 80 or line.startswith("  hat "), f"{words}: {line}")

    def test_numbers_are_decimal(self):
        """One option of a kind: all go the same way (core/program_test)."""
        wrong = {"INT": "010", "UINT": "0x10", "FLOAT": "nan"}
        seen = 0
        for words, text in self.helps():
            options = re.findall(r"^  (--[\w-]+) (INT|UINT|FLOAT)\b", text, re.M)
            for kind, option in {kind: option for option, kind in options}.items():
                seen += 1
                argument = f"{option}={wrong[kind]}"
                result = subprocess.run([BIN / "hat", *words.split(), argument], capture_output=True, text=True, check=False)
                with self.subTest(verb=words, argument=argument):
                    self.assertEqual(result.returncode, 2)
                    self.assertIn(f"{option}: must be a ", result.stderr)
        self.assertGreater(seen, 2)


if __name__ == "__main__":
    unittest.main()
