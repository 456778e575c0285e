#!/usr/bin/env python3
"""SmolLM2-135M-Instruct, where 'hat model get smollm2-135m' has got it (else 77: skipped): readable words, the same
from every system, whoever drafts."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HAT_BIN_DIR", ROOT / "build/release/bin"))
MODEL = "smollm2-135m"
QUESTIONS = {"What is the capital of France?": "Paris", "Write one sentence about the sea.": "sea"}
SKIPPED = 77


def hat(*arguments):
    return subprocess.run([BIN / "hat", *arguments], text=True, capture_output=True, cwd=ROOT)


def generate(question, *arguments):
    run = hat("generate", "--model", MODEL, "--chat", question, "--max-new-tokens", "48", "--json", *arguments)
    if run.returncode != 0:
        raise AssertionError(run.stderr)
    return json.loads(run.stdout)


class SmolLm2Test(unittest.TestCase):
    def test_every_system_says_the_same_readable_words(self):
        for question, word in QUESTIONS.items():
            text = hat("generate", "--model", MODEL, "--chat", question, "--system", "whole", "--max-new-tokens", "48")
            self.assertIn(word, text.stdout)
            whole = generate(question, "--system", "whole")["output_ids"]
            for way in (["--system", "u-shape"], ["--system", "u-sarathi"], ["--adapter", "random:1"],
                        ["--drafter", "lookup"], ["--system", "u-medusa", "--medusa", "random:1"]):
                with self.subTest(question=question, way=way):
                    self.assertEqual(generate(question, *way)["output_ids"], whole)

    def test_lookups_keep_what_an_answer_repeats(self):
        answer = generate("Repeat after me, word for word: one two three four five six seven eight nine ten",
                          "--drafter", "lookup", "--draft-threshold", "0.5")
        self.assertGreater(answer["accept_length"], 1.3)


if __name__ == "__main__":
    if hat("model", "show", MODEL).returncode != 0:
        print(f"{MODEL} is not here; './hat model get {MODEL}' gets it - skipped")
        sys.exit(SKIPPED)
    unittest.main()
