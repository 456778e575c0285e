#!/usr/bin/env python3
"""Fails on an #include that goes against the layers: check_includes.py [ROOT]

Prints one line for each, "file:line: what is wrong", and exits with 1 if there is any.
"""
import pathlib
import re
import sys

# A folder may include itself and these.
BELOW = {
    "core": [],
    "protocol": ["core"],
    "profiles": ["core"],
    "experiments": ["protocol", "profiles", "core"],
    "sim": ["experiments", "protocol", "profiles", "core"],
}
EVERYTHING = {
    "cli": [*BELOW, "cli"],
    "tests": [*BELOW, "cli", "tests"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SIMGRID_PLACES = re.compile(r"(sim/.*\.cc|tests/(sim|bench)/.*)")


def sources(root):
    for folder in [*BELOW, *EVERYTHING]:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield path.relative_to(root).as_posix()


def problem(file, kind, header):
    """What is wrong with `file` including `header`; None if nothing is."""
    folder = file.split("/")[0]
    target = header.split("/")[0]
    if target == "simgrid" or header == "xbt.h" or target == "xbt":
        if not SIMGRID_PLACES.fullmatch(file):
            return "SimGrid is for sim/*.cc, tests/sim and tests/bench"
    elif kind == '"':
        if target == header:
            return f'"{header}": write the path from the repository\'s root'
        allowed = EVERYTHING.get(folder) or [*BELOW[folder], folder]
        if target not in allowed:
            return f"{folder}/ may not include {target}/"
    elif target in BELOW or target in EVERYTHING:
        return f'write "{header}", not <{header}>'
    return None


def check(root):
    problems = []
    for file in sources(root):
        for number, line in enumerate((root / file).read_text().splitlines(), start=1):
            match = INCLUDE.match(line)
            found = match and problem(file, *match.groups())
            if found:
                problems.append(f"{file}:{number}: {found}")
    return problems


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    problems = check(root)
    print("\n".join(problems) or "every #include follows the layers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
