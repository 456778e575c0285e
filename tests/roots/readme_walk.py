#!/usr/bin/env python3
"""README's commands as one script, in README's order: readme_walk.py README.md

Every ```sh block word for word; a file that README says to save ("Save this as `NAME`") is saved first.
The script stops at the first command that fails.
"""
import pathlib
import re
import shlex
import sys

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
SAVED = re.compile(r"Save this as `([^`]+)`")


def walk(readme):
    lines = ["set -euo pipefail"]
    behind = 0
    for block in BLOCK.finditer(readme):
        language, text = block.groups()
        saved = SAVED.search(readme, behind, block.start())
        if language == "sh":
            for part in re.split(r"(?<!\\)\n(?=\./hat |mkdir )", text.strip()):
                lines += [f"echo; echo {shlex.quote('walk: ' + part)}", part]
        elif saved:
            lines.append(f"cat >{shlex.quote(saved[1])} <<'HAT_FILE'\n{text}HAT_FILE")
        behind = block.end()
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(walk(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
