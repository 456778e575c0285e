#!/usr/bin/env python3
"""Our figures beside the published ones, calibrated and not: the tables of docs/paper.md.

  experiments/paper/reproduce.py            runs every case with `./hat compare`, prints the tables
  experiments/paper/reproduce.py --update   the same, and writes them into docs/paper.md
  experiments/paper/reproduce.py --fit ...  first `./hat calibrate experiments/paper/calibrate_7b.toml`, which writes
                                            experiments/paper/calibrated_7b.toml

Results stay in results/paper/CASE (comparison.md, and runs/SYSTEM/seed-N/summary.json of each run); called again, it
runs what is missing or would come out otherwise. Means and intervals are those of `hat compare`, and of `hat estimate`
for what relates several figures of a seed.
"""
import argparse
import csv
import json
import pathlib
import re
import subprocess
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
HAT = ["./hat"]
SEEDS = 10
SPLIT = "hat,u-shape,u-sarathi,u-medusa"
UNLOADED = ["workload.arrivals=uniform", "workload.rate_per_s=0.05", "workload.requests=100"]
ORIN = [f"../../profiles/data/agx-orin-{mode}_vicuna-7b_device.json" for mode in ("maxn", "50w", "30w")]
ONE_ORIN = f'fleet.class=[{{name="agx-orin", count=1, profiles={json.dumps(ORIN)}}}]'
MAXN = ['fleet.class.0.profiles=["../../profiles/data/agx-xavier-maxn_vicuna-7b_device.json"]',
        'fleet.class.1.profiles=["../../profiles/data/agx-orin-maxn_vicuna-7b_device.json"]']
LONG_PROMPT = [*UNLOADED, 'workload.prompts={kind="constant", tokens=2000}']

CASES = {  # name: (scenario, systems, --set ...)
    "rate-6": ("spec_bench_7b", SPLIT, []),
    "rate-4": ("spec_bench_7b", SPLIT, ["workload.rate_per_s=4"]),
    "rate-4-maxn": ("spec_bench_7b", SPLIT, ["workload.rate_per_s=4", *MAXN]),
    "rate-4-maxn-5ms": ("spec_bench_7b", SPLIT, ["workload.rate_per_s=4", "link.latency_ms=5", *MAXN]),
    "one-xavier": ("spec_bench_7b", "hat,u-shape,u-medusa", ["fleet.scale=0.04", *UNLOADED]),
    "one-xavier-maxn": ("spec_bench_7b", "hat,u-shape,u-medusa", ["fleet.scale=0.04", MAXN[0], *UNLOADED]),
    "one-orin": ("spec_bench_7b", "hat,u-shape,u-medusa", [ONE_ORIN, *UNLOADED]),
    "chunking-only": ("spec_bench_7b", "hat", ["system.drafting=none", "system.draft_ahead=false"]),
    "drafting-only": ("spec_bench_7b", "hat",
                      ["system.chunking=none", "system.prefill_cut=whole", "system.draft_ahead=false"]),
    "no-draft-ahead": ("spec_bench_7b", "hat", ["system.draft_ahead=false"]),
    "chunks-of-32": ("spec_bench_7b", "hat", ["system.chunking=fixed", "policy.chunk_fixed=32"]),
    "no-chunks": ("spec_bench_7b", "hat", ["system.chunking=none"]),
    "prompt-2000": ("spec_bench_7b", "u-shape", LONG_PROMPT),
    "prompt-2000-all": ("spec_bench_7b", "u-shape", [*LONG_PROMPT, "system.return_all_positions=true"]),
    "13b": ("cnn_dm_13b", SPLIT, []),
    "13b-two-replicas": ("cnn_dm_13b", SPLIT, ["cloud.replicas=2"]),
    "13b-no-drafting": ("cnn_dm_13b", "hat",
                        ["cloud.replicas=2", "system.drafting=none", "system.draft_ahead=false"]),
}
UNKNOWNS = {  # what the sources leave open, one at a time: label and --set ...
    "load-1": ("1 request/s (nothing queues)", ["workload.rate_per_s=1", "workload.requests=600"]),
    "maxn": ("every device in its highest power mode", MAXN),
    "load-1-maxn": ("both", ["workload.rate_per_s=1", "workload.requests=600", *MAXN]),
    "sessions-8": ("at most 8 sessions a device", ["fleet.max_sessions=8"]),
    "replicas-2": ("two replicas", ["cloud.replicas=2"]),
    "latency-10": ("link latency 10 ms", ["link.latency_ms=10"]),
    "even-arrivals": ("evenly spaced arrivals", ["workload.arrivals=uniform"]),
    "all-positions": ("all positions' states return", ["system.return_all_positions=true"]),
}
CASES |= {name: ("spec_bench_7b", "hat,u-shape", overrides) for name, (_, overrides) in UNKNOWNS.items()}


CALIBRATED = ["@experiments/paper/calibrated_7b.toml"]
CALIBRATED_CASES = ["rate-6", "rate-4", "chunking-only", "drafting-only", "no-draft-ahead", "prompt-2000"]
for name in CALIBRATED_CASES:
    scenario, systems, overrides = CASES[name]
    CASES[f"calibrated-{name}"] = (scenario, systems, [*CALIBRATED, *overrides])
CASES |= {
    "calibrated-one-orin": ("spec_bench_7b", "hat,u-shape,u-medusa",
                            [*CALIBRATED, "fleet.class.0.count=1", "fleet.class.1.count=20", "fleet.scale=0.04", *UNLOADED]),
    "calibrated-13b": ("cnn_dm_13b", SPLIT, CALIBRATED),
    "calibrated-13b-chunking-only": ("cnn_dm_13b", "hat", [*CALIBRATED, *CASES["chunking-only"][2]]),
    "calibrated-13b-drafting-only": ("cnn_dm_13b", "hat", [*CALIBRATED, *CASES["drafting-only"][2]]),
    "calibrated-13b-no-draft-ahead": ("cnn_dm_13b", "hat", [*CALIBRATED, *CASES["no-draft-ahead"][2]]),
}
ARMS = [("U-shape", "u-shape", "rate-6", "u-shape"),
        ("+ prompt chunking", "hat with chunking only", "chunking-only", "hat"),
        ("+ speculative decoding only", "hat with drafting only", "drafting-only", "hat"),
        ("+ chunking + speculative decoding", "hat without drafting ahead", "no-draft-ahead", "hat"),
        ("+ parallel drafting (HAT)", "hat", "rate-6", "hat")]


class Estimate(typing.NamedTuple):
    mean: float
    half: float  # of the 95% confidence interval


def hat(*words, **options):
    return subprocess.run([*HAT, *words], cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def run(name):
    scenario, systems, overrides = CASES[name]
    command = ["compare", f"experiments/paper/{scenario}.toml", "--systems", systems,
               "--seeds", str(SEEDS), "--out", f"results/paper/{name}", "--resume", "--no-figure", "--quiet"]
    for override in overrides:
        command += ["--set", override]
    hat(*command)


def values(case, system, *path):
    """One figure of summary.json, a seed each."""
    folder = ROOT / "results/paper" / case / "runs" / system
    found = []
    for seed in range(1, SEEDS + 1):
        at = json.loads((folder / f"seed-{seed}" / "summary.json").read_text())
        for key in path:
            at = at[key]
        found.append(at)
    return found


def compared(case, system):
    comparison = json.loads((ROOT / "results/paper" / case / "comparison.json").read_text())
    return next(s for s in comparison["systems"] if s["system"] == system)


def figure(case, system, metric):
    """A figure of a comparison, by its path in summary.json."""
    found = compared(case, system)["metrics"][metric]
    return Estimate(found["mean"], found["ci95"])


def estimate(numbers):
    """Of figures that no comparison has, one a seed."""
    return Estimate(*map(float, hat("estimate", input=" ".join(map(repr, numbers))).split()))


def per_seed(function, *columns):
    return estimate([function(*row) for row in zip(*columns)])


def published(experiment, system, metric):
    with open(ROOT / "experiments/paper/published.csv", newline="", encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file)
                if (r["experiment"], r["system"], r["metric"]) == (experiment, system, metric)]
    return float(rows[0]["value"])


def shown(ours, digits=1):
    return f"{ours.mean:.{digits}f} ± {ours.half:.{digits}f}"


def row(label, theirs, ours, digits=1):
    error = 100 * (ours.mean / theirs - 1)
    return f"| {label} | {theirs:g} | {shown(ours, digits)} | {error:+.0f}% |"


def table(unit, rows):
    return "\n".join([f"| | published, {unit} | ours, {unit} | error |", "|---|--:|--:|--:|", *rows])


def ttft_table(case="rate-6"):
    systems = ["hat", "u-sarathi", "u-medusa", "u-shape"]
    return table("ms", [row(s, published("spec_bench_7b", s, "ttft_ms.mean"),
                            figure(case, s, "ttft_ms.mean")) for s in systems])


def parts_table():
    names = list(json.loads((ROOT / "results/paper/rate-6/runs/hat/seed-1/summary.json").read_text())["ttft_parts_ms"])
    lines = ["| | " + " | ".join(n.replace("_", " ") for n in names) + " |", "|---|" + "--:|" * len(names)]
    for system in SPLIT.split(","):
        means = [figure("rate-6", system, f"ttft_parts_ms.{n}").mean for n in names]
        lines.append(f"| {system} | " + " | ".join(f"{m:.0f}" for m in means) + " |")
    return "\n".join(lines)


def reductions(case, metric, system):
    return per_seed(lambda hat, other: 100 * (1 - hat / other),
                    values(case, "hat", metric, "mean"), values(case, system, metric, "mean"))


def tbt_table(case="rate-4"):
    rows = [row(f"TBT of hat lower than {s}'s", published("spec_bench_7b", s, "tbt_reduction_by_hat"),
                reductions(case, "tbt_ms", s)) for s in ["u-sarathi", "u-medusa", "u-shape"]]
    return table("%", rows)


def tbt_values(case="rate-4"):
    systems = SPLIT.split(",")
    return "\n".join(["| ms | " + " | ".join(systems) + " |", "|---|" + "--:|" * len(systems),
                      "| ours | " + " | ".join(shown(figure(case, s, "tbt_ms.mean"), 2) for s in systems) + " |"])


def batch_table(case="rate-6"):
    rows = []
    for system in ["hat", "u-sarathi", "u-medusa", "u-shape"]:
        for what, label in (("mean", "mean"), ("std", "standard deviation")):
            theirs = published("spec_bench_7b/batch-delay", system, f"stage_ms.{what}")
            rows.append(row(f"{system}, {label}", theirs, estimate(values(case, system, "stage_ms", what)), 2))
    return table("ms", rows)


DEVICES = [("one-xavier", "AGX Xavier"), ("one-xavier-maxn", "AGX Xavier in MAXN"), ("one-orin", "AGX Orin")]


def one_device_table(devices=tuple(DEVICES)):
    rows = []
    for case, device in devices:
        for system in ("hat", "u-medusa"):
            ours = per_seed(lambda plain, other: plain / other,
                            values(case, "u-shape", "tbt_ms", "mean"), values(case, system, "tbt_ms", "mean"))
            theirs = published("spec_bench_7b/one-device", system, "speedup.tbt_ms.mean")
            rows.append(row(f"{system}, on one {device}", theirs, ours, 2))
    for system in ("hat", "u-medusa"):
        theirs = published("spec_bench_7b/one-device", system, "accept_length")
        ours = figure(devices[0][0], system, "accept_length")
        rows.append(f"| accept length of {system} | {theirs:g} | {shown(ours, 2)} | an input |")
    return table("times u-shape's", rows)


def ablation_table(prefix=""):
    rows = []
    for metric, digits in (("ttft_ms", 1), ("tbt_ms", 2)):
        for label, name, case, system in ARMS:
            theirs = published("spec_bench_7b/ablation", name, f"{metric}.mean")
            rows.append(row(f"{metric.removesuffix('_ms').upper()}, {label}", theirs,
                            figure(prefix + case, system, f"{metric}.mean"), digits))
    return table("ms", rows)


def calibrated_errors():
    """Of all rows of the five tables of the fit: mean and largest absolute error."""
    tables = [ttft_table("calibrated-rate-6"), tbt_table("calibrated-rate-4"), batch_table("calibrated-rate-6"),
              one_device_table((("calibrated-one-orin", "AGX Orin"),)), ablation_table("calibrated-")]
    errors = [abs(int(e)) for t in tables for e in re.findall(r"\| ([+-]\d+)% \|$", t, flags=re.M)]
    beyond = sum(e > 20 for e in errors)
    return (f"Over all {len(errors)} figures, ten seeds: mean absolute error {sum(errors) / len(errors):.1f}%, "
            f"{beyond} beyond 20%, the largest {max(errors)}%.")


FIT = ROOT / "results/calibrate_7b/calibration.md"
FITTED_TABLES = ["left-out", "parameters", "correlations", "other-assumptions"]


def calibration_table(index):
    """One of the tables that `hat calibrate` printed: fit, parameters, correlations, other assumptions."""
    text = FIT.read_text(encoding="utf-8")
    return re.findall(r"(?:^\|.*\n)+", text, flags=re.M)[index].rstrip("\n")


def prediction_table():
    """Vicuna-13B on CNN/DM under the values fitted to the 7B figures."""
    lines = ["| 13B, CNN/DM, 4 requests/s | hat | u-shape | u-sarathi | u-medusa |", "|---|--:|--:|--:|--:|"]
    case, systems = "calibrated-13b", SPLIT.split(",")
    for metric, label, digits in (("ttft_ms", "TTFT, ms", 0), ("tbt_ms", "TBT, ms", 1)):
        cells = [shown(figure(case, s, f"{metric}.mean"), digits) for s in systems]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    for metric, label in (("ttft_ms", "TTFT"), ("tbt_ms", "TBT")):
        cells = [shown(reductions(case, metric, s)) for s in systems if s != "hat"]
        lines.append(f"| hat's {label} lower, % | | " + " | ".join(cells) + " |")
    saturated_cells = [f"{compared(case, s)['saturated_runs']} of {SEEDS}" for s in systems]
    lines.append("| saturated runs | " + " | ".join(saturated_cells) + " |")
    return "\n".join(lines)


def prediction_ablation_table():
    lines = ["| 13B, ms | TTFT | TBT |", "|---|--:|--:|"]
    for label, _, case, system in ARMS:
        run_case = "calibrated-13b" if case == "rate-6" else f"calibrated-13b-{case}"
        cells = [shown(figure(run_case, system, f"{m}.mean"), d) for m, d in (("ttft_ms", 0), ("tbt_ms", 1))]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


LONG_PROMPTS = [("prompt-2000", "the last position's state returns"),
                ("prompt-2000-all", "all positions' states return")]


def motivation_table(cases=tuple(LONG_PROMPTS)):
    rows = []
    for case, label in cases:
        parts = [values(case, "u-shape", "ttft_parts_ms", p) for p in ("uplink_wait", "upload", "download")]
        rows.append(row(f"TTFT; {label}", published("prompt_2000_7b", "u-shape", "ttft_ms.mean"),
                        figure(case, "u-shape", "ttft_ms.mean"), 0))
        rows.append(row(f"transfer in it; {label}", published("prompt_2000_7b", "u-shape", "transfer_ms"),
                        per_seed(lambda *p: sum(p), *parts), 0))
    return table("ms", rows)


def small_chunks_table():
    def of(*path):
        return values("chunks-of-32", "hat", *path), values("no-chunks", "hat", *path)
    experiment = "chunks_of_32_7b"
    ratio = row("TTFT, times that without chunking", published(experiment, "not stated", "ttft_ratio"),
                per_seed(lambda a, b: a / b, *of("ttft_ms", "mean")), 2)
    saved = row("waiting in the cloud saved, ms", published(experiment, "not stated", "cloud_wait_saved_ms"),
                per_seed(lambda a, b: b - a, *of("ttft_parts_ms", "cloud_wait")))
    return "\n".join(["| | published | ours | error |", "|---|--:|--:|--:|", ratio, saved])


def abstract_table():
    lines = ["| lower than | TTFT 7B, 6/s | TTFT 13B, 4/s | TBT 7B, 4/s | TBT 13B, 4/s |", "|---|--:|--:|--:|--:|"]
    for system in ("u-shape", "u-sarathi", "u-medusa"):
        cells = [shown(reductions(case, metric, system))
                 for case, metric in (("rate-6", "ttft_ms"), ("13b", "ttft_ms"), ("rate-4", "tbt_ms"), ("13b", "tbt_ms"))]
        lines.append(f"| {system}, % | " + " | ".join(cells) + " |")
    span = [f"{published('both_models', 'all baselines', f'{m}_reduction_by_hat_low'):g} to "
            f"{published('both_models', 'all baselines', f'{m}_reduction_by_hat_high'):g}" for m in ("ttft", "tbt")]
    return "\n".join([*lines, f"| published, both models, % | {span[0]} | {span[0]} | {span[1]} | {span[1]} |"])


def model_13b_table():
    systems = SPLIT.split(",")
    lines = ["| | " + " | ".join(systems) + " |", "|---|" + "--:|" * len(systems)]
    for case, replicas in (("13b", "one replica"), ("13b-two-replicas", "two replicas")):
        for metric, label in (("ttft_ms", "TTFT"), ("tbt_ms", "TBT")):
            cells = [shown(figure(case, s, f"{metric}.mean"), 0) for s in systems]
            lines.append(f"| {label} ms, {replicas} | " + " | ".join(cells) + " |")
        cells = [f"{compared(case, s)['saturated_runs']} of {SEEDS}" for s in systems]
        lines.append(f"| saturated runs, {replicas} | " + " | ".join(cells) + " |")
    cells = [shown(figure("13b-no-drafting", "hat", f"{m}.mean"), 0) for m in ("ttft_ms", "tbt_ms")]
    return "\n".join(lines) + f"\n\nhat without drafting, two replicas: TTFT {cells[0]} ms, TBT {cells[1]} ms."


def unknowns_table():
    lines = ["| 6 requests/s, ms | TTFT hat | TTFT u-shape | TBT hat | TBT u-shape |", "|---|--:|--:|--:|--:|"]
    for case, label in [("rate-6", "the scenario as it is"), *((n, u[0]) for n, u in UNKNOWNS.items())]:
        cells = [shown(figure(case, system, f"{metric}.mean"), digits)
                 for metric, digits in (("ttft_ms", 0), ("tbt_ms", 1)) for system in ("hat", "u-shape")]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def queue_table():
    lines = ["| queue, ms, in the mean TTFT | hat | u-shape |", "|---|--:|--:|"]
    for case, label in (("sessions-8", "at most 8 sessions a device"), ("rate-6", "at most 32")):
        cells = [shown(figure(case, s, "ttft_parts_ms.queue"), 0) for s in ("hat", "u-shape")]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


TABLES = {"ttft": ttft_table, "parts": parts_table, "tbt": tbt_table, "tbt-values": tbt_values,
          "tbt-maxn": lambda: tbt_table("rate-4-maxn"), "tbt-maxn-5ms": lambda: tbt_table("rate-4-maxn-5ms"),
          "batch": batch_table,
          "one-device": one_device_table, "ablation": ablation_table, "motivation": motivation_table,
          "small-chunks": small_chunks_table, "abstract": abstract_table, "13b": model_13b_table,
          "unknowns": unknowns_table, "queue": queue_table,
          "calibrated-ttft": lambda: ttft_table("calibrated-rate-6"),
          "calibrated-tbt": lambda: tbt_table("calibrated-rate-4"),
          "calibrated-batch": lambda: batch_table("calibrated-rate-6"),
          "calibrated-one-device": lambda: one_device_table((("calibrated-one-orin", "AGX Orin"),)),
          "calibrated-ablation": lambda: ablation_table("calibrated-"),
          "calibrated-errors": calibrated_errors,
          "calibrated-motivation": lambda: motivation_table((("calibrated-prompt-2000", "all positions' states return"),)),
          "calibrated-13b": prediction_table, "calibrated-13b-ablation": prediction_ablation_table,
          "left-out": lambda: calibration_table(0), "parameters": lambda: calibration_table(1),
          "correlations": lambda: calibration_table(2), "other-assumptions": lambda: calibration_table(3)}


def saturated():
    runs = {case: sum(compared(case, s)["saturated_runs"] for s in CASES[case][1].split(",")) for case in CASES}
    return [f"{case}: {count} runs are saturated" for case, count in runs.items() if count]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write the tables into docs/paper.md")
    parser.add_argument("--fit", action="store_true", help="fit anew first: hat calibrate, half an hour on two cores")
    parser.add_argument("--no-run", action="store_true", help="take the results that are in results/paper")
    parser.add_argument("--hat", default=HAT[0], help="the command to call; default ./hat")
    options = parser.parse_args()
    HAT[:] = [options.hat]
    if options.fit:
        hat("calibrate", "experiments/paper/calibrate_7b.toml", "--out", "results/calibrate_7b",
            "--keys", "experiments/paper/calibrated_7b.toml")
    if not options.no_run:
        for case in CASES:
            print(f"running {case}", flush=True)
            run(case)
    page = ROOT / "docs/paper.md"
    text = page.read_text(encoding="utf-8") if options.update else ""
    for name, make in TABLES.items():
        if name in FITTED_TABLES and not FIT.exists():
            print(f"\n{name}: as it is on the page; --fit makes it anew")
            continue
        content = make()
        print(f"\n{name}\n\n{content}")
        text = re.sub(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)",
                      lambda match: f"{match[1]}{content}\n{match[2]}", text, flags=re.S)
    if options.update:
        page.write_text(text, encoding="utf-8")
    print("", *saturated(), sep="\n")


if __name__ == "__main__":
    main()
