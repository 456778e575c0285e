#!/usr/bin/python3
"""Draws a comparison: how long does a user wait for the first token, and then from token to token, with each system?

Reads the comparison.json that `hat compare` writes.
"""
import argparse
import json
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

from styles import counted

PANELS = [("ttft_ms.mean", "TTFT (ms)"), ("tbt_ms.mean", "TBT (ms)")]
QUESTION = "How long does a user wait for the first token (TTFT), and then from token to token (TBT)?"
REFERENCE_COLOR, OTHER_COLOR, SATURATED_COLOR = "0.35", "0.72", "0.92"
OUTLIER = 2.5  # a bar this many times as long as those of the systems that keep up is cut off


def read(path):
    with open(path, encoding="utf-8") as file:
        comparison = json.load(file)
    rows = []
    for system in comparison["systems"]:
        for metric, _ in PANELS:
            value = system.get("metrics", {}).get(metric, {})
            rows.append(
                {
                    "system": system["system"],
                    "metric": metric,
                    "mean": value.get("mean"),
                    "ci95": value.get("ci95"),
                    "saturated": system["saturated_runs"] > 0,
                    "not_possible": system["not_possible"],
                }
            )
    published = pd.DataFrame(
        comparison["published"], columns=["system", "metric", "value", "unit", "rate_per_s", "source"]
    )
    return comparison, pd.DataFrame(rows), published


def axis_end(rows, marks):
    """Where the axis ends, so that a system that does not keep up leaves room for those that do."""
    tops = (rows["mean"] + rows.ci95.fillna(0)).dropna()
    if tops.empty:
        return 1.0
    steady = tops[~rows.saturated.loc[tops.index]]
    typical = (tops if steady.empty else steady).median()
    limit = OUTLIER * max(top for top in (tops if steady.empty else steady) if top <= OUTLIER * typical)
    shown = [top for top in tops if top <= limit] + list(marks.value)
    return max(shown) * (1.22 if len(shown) - len(marks) == len(tops) else 1.45)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def draw_system(axes, y, row, end, color):
    if row.not_possible or pd.isna(row["mean"]):
        text = "not possible" if row.not_possible else "no completed request"
        axes.text(end * 0.015, y, text, va="center", fontsize=8, style="italic", color="0.3")
        return
    is_cut = row["mean"] > end
    axes.barh(
        y, min(row["mean"], end), height=0.62, color=color, edgecolor="black", linewidth=0.7,
        hatch="////" if row.saturated else None,
    )
    if is_cut:
        axes.text(
            end * 0.975, y, f"{number(row['mean'])} →", va="center", ha="right", fontsize=8,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
        return
    whisker = 0 if pd.isna(row.ci95) else row.ci95
    if whisker:
        axes.errorbar(row["mean"], y, xerr=whisker, color="black", capsize=2.5, elinewidth=1, capthick=1)
    axes.text(row["mean"] + whisker + end * 0.02, y + 0.02, number(row["mean"]), va="center", fontsize=8)


def draw_marks(axes, marks, order, end):
    for mark in marks.itertuples():
        if mark.system not in order or mark.value > end:
            continue
        has_rate = not pd.isna(mark.rate_per_s)
        axes.plot(
            mark.value, order.index(mark.system) - 0.42, marker="v", markersize=6.5, linestyle="none", clip_on=False,
            markeredgecolor="black", markerfacecolor="black" if has_rate else "white", markeredgewidth=1, zorder=5,
        )


def draw_panel(axes, rows, marks, order, reference, label):
    end = axis_end(rows, marks)
    for y, system in enumerate(order):
        row = rows[rows.system == system].iloc[0]
        color = REFERENCE_COLOR if system == reference else SATURATED_COLOR if row.saturated else OTHER_COLOR
        draw_system(axes, y, row, end, color)
    draw_marks(axes, marks, order, end)
    axes.set_xlim(0, end)
    axes.set_ylim(len(order) - 0.45, -0.75)
    axes.set_yticks(range(len(order)), order)
    axes.tick_params(labelsize=8, length=3)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(label, fontsize=9)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(5))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)


def caption(comparison, rows, published):
    seeds = len(comparison["seeds"])
    load = f", {comparison['rate_per_s']:g} requests/s" if comparison["rate_per_s"] else ""
    changed = f" ({', '.join(comparison['overrides'])})" if comparison["overrides"] else ""
    text = (
        f"{QUESTION} Scenario {comparison['scenario']}: {comparison['model']}, {counted(comparison['devices'], 'device')}{load}"
        f"{changed}. {comparison['label'].capitalize()}, "
    )
    text += f"mean of {seeds} seeds, whiskers: 95% confidence interval." if seeds > 1 else "one seed."
    if rows.saturated.any():
        text += " Hatched: saturated, its queues grow for as long as requests come."
    marks = published[published.metric.isin([metric for metric, _ in PANELS]) & published.system.isin(rows.system)]
    has_rate = marks.rate_per_s.notna()
    signs = ["▼ published"] if has_rate.any() else []
    signs += ["▽ published, rate not stated"] if not has_rate.all() else []
    if signs:
        text += f" {'; '.join(signs)} ({'; '.join(marks.source.unique())})."
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="comparison.json")
    parser.add_argument("image", help="a .png, .pdf or .svg to write")
    arguments = parser.parse_args()
    comparison, rows, published = read(arguments.data)
    order = [system["system"] for system in comparison["systems"]]

    plt.rcParams.update({"font.family": "DejaVu Sans", "hatch.linewidth": 0.6, "svg.hashsalt": "hat"})
    height = 1.28 + 0.33 * len(order)
    figure, panels = plt.subplots(1, len(PANELS), figsize=(7.1, height), sharey=True)
    for axes, (metric, label) in zip(panels, PANELS):
        marks = published[(published.metric == metric) & published.system.isin(order)]
        draw_panel(axes, rows[rows.metric == metric], marks, order, comparison["reference"], label)
    lines = textwrap.wrap(caption(comparison, rows, published), 122)
    bottom = (0.55 + 0.145 * len(lines)) / height
    figure.text(0.01, 0.02, "\n".join(lines), fontsize=8, va="bottom", linespacing=1.2)
    figure.subplots_adjust(left=0.125, right=0.985, top=0.985, bottom=bottom, wspace=0.08)

    figure.savefig(arguments.image, dpi=300, metadata={"Software": None} if arguments.image.endswith(".png") else None)


if __name__ == "__main__":
    main()
