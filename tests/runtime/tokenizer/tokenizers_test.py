#!/usr/bin/env python3
"""Holds 'hat model tokens' against what the library tokenizers makes of 10,000 lines of mixed text.

    tokenizers_test.py           the small tokenizers of tests/data/runtime/tokenizers
    tokenizers_test.py smollm2-135m    that of a model that 'hat model get' has got; 77: it is not here
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import mixed_text

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("HAT_BIN_DIR", ROOT / "build/release/bin"))
DATA = ROOT / "tests/data/runtime/tokenizers"
SKIPPED = 77


def answers(tokenizer, lines):
    run = subprocess.run([BIN / "hat-torch", "model", "tokens", tokenizer, "--json-lines"], text=True,
                         input="".join(json.dumps(line) + "\n" for line in lines), capture_output=True)
    if run.returncode != 0:
        if "is not here yet" in run.stderr:
            print(run.stderr.strip(), "- skipped")
            sys.exit(SKIPPED)
        sys.exit(f"{tokenizer}: {run.stderr}")
    return [json.loads(answer) for answer in run.stdout.rstrip("\n").split("\n")]


def differences(tokenizer, golden, lines):
    """The hundreds whose hashes differ."""
    made = answers(tokenizer, lines)
    assert len(made) == len(lines), (len(made), len(lines))
    wrong = []
    for number, wanted in enumerate(golden):
        digest = hashlib.sha256()
        for answer in made[100 * number:100 * number + 100]:
            digest.update(json.dumps([answer["ids"], answer["decoded"]], separators=(",", ":")).encode())
        if digest.hexdigest()[:16] != wanted:
            wrong.append(number)
    return wrong


def main():
    golden = json.loads((DATA / "golden.json").read_text())
    version = golden.pop("tokenizers")
    names = sys.argv[1:] or sorted(path.stem for path in DATA.glob("*.json") if path.stem != "golden")
    failed = False
    for name in names:
        tokenizer = DATA / f"{name}.json" if not sys.argv[1:] else name
        lines = mixed_text.lines(100 * len(golden[name]))
        wrong = differences(str(tokenizer), golden[name], lines)
        failed |= bool(wrong)
        print(f"{name}: {len(lines)} lines, {len(wrong)} hundreds differ from tokenizers {version}"
              + (f", as lines {100 * wrong[0]} and on" if wrong else ""))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
