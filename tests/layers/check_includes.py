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
    "world": ["core"],
    "protocol": ["world", "core"],
    "profiles": ["core"],
    "experiments": ["protocol", "profiles", "world", "core"],
    "sim": ["experiments", "protocol", "profiles", "world", "core"],
    "offload": ["experiments", "protocol", "profiles", "world", "core"],
    "runtime": ["experiments", "protocol", "profiles", "world", "core"],
}
# Within experiments/, likewise.
EXPERIMENTS_BELOW = {
    "scenario": [],
    "hardware": ["scenario"],
    "traces": ["scenario"],
    "import": ["scenario"],
    "watch": [],
    "laws": [],
    "results": ["laws", "watch", "scenario"],
    "plan": ["scenario"],
    "report": ["sweep"],
    "sweep": ["plan", "results", "scenario"],
    "calibrate": ["results"],
    "capacity": ["results"],
    "validate": ["results", "scenario"],
}
EVERYTHING = {
    "cli": [*BELOW, "cli"],
    "tests": [*BELOW, "cli", "tests"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SIMGRID_PLACES = re.compile(r"(sim/.*\.cc|tests/(sim|bench)/.*)")
TORCH = ("torch", "ATen", "c10", "caffe2")
TORCH_PLACES = re.compile(r"(runtime/.*\.cc|tests/runtime/.*|tests/bench/runtime_\w+\.cc)")
TENSOR_PLACES = re.compile(r"runtime/(model|train)/.*\.h")  # for ATen/core/Tensor.h alone
# A newer libtorch carries headers of its own of both, so that one file cannot have both.
NOT_WITH_TORCH = ("fmt", "google")


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
    elif target in TORCH:
        if header == "ATen/core/Tensor.h" and TENSOR_PLACES.fullmatch(file):
            return None
        if not TORCH_PLACES.fullmatch(file):
            return "torch is for runtime/**.cc and tests/runtime"
    elif kind == '"':
        if target == header and not header.endswith(".pb.h"):  # which the build writes
            return f'"{header}": write the path from the repository\'s root'
        if header.endswith(".pb.h"):
            return None
        allowed = EVERYTHING.get(folder) or [*BELOW[folder], folder]
        if target not in allowed:
            return f"{folder}/ may not include {target}/"
        if folder == target == "experiments":
            room, other = file.split("/")[1], header.split("/")[1]
            if other not in [room, *EXPERIMENTS_BELOW.get(room, [])]:
                return f"experiments/{room}/ may not include experiments/{other}/"
    elif target in BELOW or target in EVERYTHING:
        return f'write "{header}", not <{header}>'
    return None


def read_includes(root):
    """For each file: its includes, as (line number, kind, header)."""
    includes = {}
    for file in sources(root):
        lines = enumerate((root / file).read_text().splitlines(), start=1)
        matches = ((number, INCLUDE.match(line)) for number, line in lines)
        includes[file] = [(number, *match.groups()) for number, match in matches if match]
    return includes


def libraries(file, includes, seen):
    """The first words of all <headers> that `file` includes, through our own headers too."""
    if file in seen:
        return set()
    seen.add(file)
    found = set()
    for _, kind, header in includes.get(file, []):
        found |= libraries(header, includes, seen) if kind == '"' else {header.split("/")[0]}
    return found


def clash(file, includes):
    """Why one source file cannot include all that it does, through our own headers too."""
    found = libraries(file, includes, set())
    others = [name for name in NOT_WITH_TORCH if name in found]
    if others and found.intersection(TORCH):
        return f"<{others[0]}/...> and torch meet in one file"
    return None


def check(root):
    problems = []
    includes = read_includes(root)
    for file, own in includes.items():
        for number, kind, header in own:
            found = problem(file, kind, header)
            if found:
                problems.append(f"{file}:{number}: {found}")
        found = clash(file, includes)
        if found:
            problems.append(f"{file}:1: {found}")
    return problems


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]
    problems = check(root)
    print("\n".join(problems) or "every #include follows the layers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
