#!/usr/bin/python3
"""Draws a comparison: what share of requests gets its first token, and then each next one, within a time?

Reads the comparison.json that `hat compare` writes.
"""
import argparse
import json
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from styles import counted, style

PANELS = [("ttft_ms", "TTFT within (ms)"), ("tbt_ms", "TBT within (ms)")]
QUESTION = "What share of requests has its first token (TTFT), and its mean time between tokens (TBT), within a time?"
MARKED = [10, 50, 90]  # percent, where a curve has its mark


def draw_panel(axes, comparison, metric, label):
    """The lines, by system."""
    lines = {}
    for index, system in enumerate(comparison["systems"]):
        times = system.get("attainment", {}).get(metric, [])
        if not times:
            continue
        percent = [100 * i / (len(times) - 1) for i in range(len(times))]
        name = system["system"] + ("*" if system["saturated_runs"] > 0 else "")
        marks = [round(share / 100 * (len(times) - 1)) for share in MARKED]
        (lines[name],) = axes.plot(times, percent, markevery=marks, **style(index))
    axes.set_ylim(0, 101)
    axes.set_yticks([0, 25, 50, 75, 90, 100])
    axes.axhline(90, color="0.75", linewidth=0.8)
    if lines:
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: f"{x:,g}"))
    axes.tick_params(labelsize=8, length=3)
    axes.set_xlabel(label, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)
    return lines


def caption(comparison, names):
    seeds = len(comparison["seeds"])
    load = f", {comparison['rate_per_s']:g} requests/s" if comparison["rate_per_s"] else ""
    changed = f" ({', '.join(comparison['overrides'])})" if comparison["overrides"] else ""
    text = (
        f"{QUESTION} Scenario {comparison['scenario']}: {comparison['model']}, {counted(comparison['devices'], 'device')}{load}"
        f"{changed}. {comparison['label'].capitalize()}, all requests of {seeds} {'seed' if seeds == 1 else 'seeds'}."
    )
    if any(name.endswith("*") for name in names):
        text += " *\u00a0saturated: its queues grow for as long as requests come."
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="comparison.json")
    parser.add_argument("image", help="a .png, .pdf or .svg to write")
    arguments = parser.parse_args()
    with open(arguments.data, encoding="utf-8") as file:
        comparison = json.load(file)

    plt.rcParams.update({"font.family": "DejaVu Sans", "svg.hashsalt": "hat"})
    height = 3.7
    figure, panels = plt.subplots(1, len(PANELS), figsize=(7.1, height), sharey=True)
    lines = {}
    for axes, (metric, label) in zip(panels, PANELS):
        lines.update(draw_panel(axes, comparison, metric, label))
    panels[0].set_ylabel("share of requests (%)", fontsize=9)
    if lines:
        figure.legend(
            lines.values(), lines.keys(), loc="upper center", ncol=min(len(lines), 7), fontsize=8, frameon=False,
            handlelength=2.6, columnspacing=1.2, borderaxespad=0.2,
        )
    texts = textwrap.wrap(caption(comparison, lines), 118)
    figure.text(0.01, 0.02, "\n".join(texts), fontsize=8, va="bottom", linespacing=1.2)
    figure.subplots_adjust(
        left=0.085, right=0.98, top=0.92, bottom=(0.57 + 0.145 * len(texts)) / height, wspace=0.07,
    )
    figure.savefig(arguments.image, dpi=300, metadata={"Software": None} if arguments.image.endswith(".png") else None)


if __name__ == "__main__":
    main()
