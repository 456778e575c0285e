#!/usr/bin/env python3
"""README's commands as scripts, in README's order: readme_walk.py README.md FOLDER

Every command of a ```sh block, word for word, becomes FOLDER/NN.sh; so does a file that README says to save ("Save
this as `NAME`").
"""
import pathlib
import re
import shlex
import sys

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
SAVED = re.compile(r"Save this as `([^`]+)`")
COMMAND = re.compile(r"(?<!\\)\n(?=\./hat |mkdir )")  # a line that begins one, and does not go on with another


def steps(readme):
    behind = 0
    for block in BLOCK.finditer(readme):
        language, text = block.groups()
        saved = SAVED.search(readme, behind, block.start())
        if language == "sh":
            yield from COMMAND.split(text.strip())
        elif saved:
            yield f"cat >{shlex.quote(saved[1])} <<'END_OF_FILE'\n{text}END_OF_FILE"
        behind = block.end()


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True)
    for number, step in enumerate(steps(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), start=1):
        (folder / f"{number:02}.sh").write_text(step + "\n", encoding="utf-8")
