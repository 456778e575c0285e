#!/usr/bin/python3
"""Draws a figure of `hat figures` from its NAME.json: lines, bars, stacked bars, shares of requests, or times.

What is drawn is in the file; nothing is computed here. Colours can be told apart by the colour-blind, and in print by
markers, dashes and hatches.
"""
import argparse
import json
import math
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

# Okabe and Ito's colours.
COLOURS = ["#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "*"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (7, 2)), (0, (3, 1))]
HATCHES = ["", "////", "....", "\\\\\\\\", "xx", "--", "++", "oo"]
WIDTH = 7.1  # inches: two columns of print
OUTLIER = 1.5  # a saturated value beyond so many times the largest steady one is cut off


def number(value, _=None):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def in_order(points, key):
    return list(dict.fromkeys(point[key] for point in points))


def chosen(figure, metric, **wanted):
    return [p for p in figure["points"] if p["metric"] == metric and all(p[k] == v for k, v in wanted.items())]


def published(figure, metric):
    """Those of the series that are drawn."""
    series = set(in_order(figure["points"], "series"))
    return [p for p in figure["published"] if p["metric"] == metric and p["system"] in series]


def whole(figure):
    """The metric that the stacked parts add up to."""
    return figure["metrics"][0].split("_parts_ms.")[0] + "_ms.mean"


def style(index):
    return {"color": COLOURS[index % len(COLOURS)], "marker": MARKERS[index % len(MARKERS)],
            "linestyle": DASHES[index % len(DASHES)]}


def end_of_axis(points, marks):
    """So that a saturated point does not flatten the others."""
    tops = [p["mean"] + (p["ci95"] or 0) for p in points if p["mean"] is not None]
    limit = OUTLIER * max((p["mean"] for p in points if p["mean"] and not p["saturated_runs"]), default=math.inf)
    return 1.08 * max([min(top, limit) for top in tops] + [m["value"] for m in marks], default=1)


def plain(axes):
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, length=3)
    axes.set_axisbelow(True)


def draw_lines(figure, panels):
    series = in_order(figure["points"], "series")
    for axes, metric, label in zip(panels, figure["metrics"], figure["labels"]):
        marks = published(figure, metric)
        for index, name in enumerate(series):
            points = [p for p in chosen(figure, metric, series=name) if p["mean"] is not None]
            x = [float(p["x"]) for p in points]
            axes.errorbar(x, [p["mean"] for p in points], yerr=[p["ci95"] or 0 for p in points], label=name,
                          capsize=2, linewidth=1.3, elinewidth=0.8, markersize=4, **style(index))
            hollow = [p for p in points if p["saturated_runs"]]
            axes.plot([float(p["x"]) for p in hollow], [p["mean"] for p in hollow], linestyle="none",
                      marker=MARKERS[index % len(MARKERS)], markersize=4.5, markerfacecolor="white",
                      markeredgecolor=COLOURS[index % len(COLOURS)], zorder=4)
        for mark in marks:
            if mark["rate_per_s"] is None or figure["x"] != "workload.rate_per_s":
                continue
            axes.plot(mark["rate_per_s"], mark["value"], marker="v", markersize=8, linestyle="none", zorder=5,
                      markerfacecolor=COLOURS[series.index(mark["system"]) % len(COLOURS)], markeredgecolor="white")
        axes.set_ylim(0, end_of_axis(chosen(figure, metric), marks))
        if figure["x_is_log"]:
            ticks = sorted({float(p["x"]) for p in figure["points"]})
            axes.set_xscale("log")
            axes.set_xticks(ticks, [number(tick) for tick in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(figure["x_label"], fontsize=9)
        axes.set_title(label, fontsize=9, loc="left")
        axes.yaxis.set_major_formatter(FuncFormatter(number))
        axes.grid(color="0.92", linewidth=0.6)
    return len(series)


def draw_shares(figure, panels):
    series = in_order(figure["points"], "series")
    for axes, metric, label in zip(panels, figure["metrics"], figure["labels"]):
        ends = []
        for index, name in enumerate(series):
            for point in chosen(figure, metric, series=name):
                shares = [i / 100 for i in range(len(point["shares"]))]
                look = style(index)
                axes.plot(point["shares"], shares, label=name, linewidth=1.4, markevery=(5, 15), markersize=4, **look)
                if point["shares"]:
                    ends.append(point["shares"][97])
        axes.set_xlim(0, 1.05 * max(ends, default=1))
        axes.set_ylim(0, 1.01)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.0f}%"))
        axes.xaxis.set_major_formatter(FuncFormatter(number))
        axes.set_xlabel(label, fontsize=9)
        axes.grid(color="0.92", linewidth=0.6)
    panels[0].set_title("share of requests", fontsize=9, loc="left")
    return len(series)


def draw_over_time(figure, panels):
    series = in_order(figure["points"], "series")
    for axes, metric, label in zip(panels, figure["metrics"], figure["labels"]):
        for index, name in enumerate(series):
            points = [p for p in chosen(figure, metric, series=name) if p["mean"] is not None]
            axes.plot([float(p["x"]) for p in points], [p["mean"] for p in points], label=name, linewidth=1.3,
                      markevery=(index, 4), markersize=4, **style(index))
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(figure["x_label"], fontsize=9)
        axes.set_title(label, fontsize=9, loc="left")
        axes.yaxis.set_major_formatter(FuncFormatter(number))
        axes.grid(color="0.92", linewidth=0.6)
    return len(series)


def draw_bar(axes, y, point, end):
    if point["mean"] is None:
        axes.text(end * 0.015, y, "not possible" if point["no_figure"] else "none", va="center", fontsize=8,
                  style="italic", color="0.3")
        return
    is_saturated = point["saturated_runs"] > 0
    axes.barh(y, min(point["mean"], end), height=0.62, color="0.92" if is_saturated else "#A6CEE3", edgecolor="black",
              linewidth=0.7, hatch="////" if is_saturated else None)
    if point["mean"] > end:
        axes.text(end * 0.975, y, f"{number(point['mean'])} →", va="center", ha="right", fontsize=8,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5})
        return
    whisker = point["ci95"] or 0
    if whisker:
        axes.errorbar(point["mean"], y, xerr=whisker, color="black", capsize=2.5, elinewidth=1, capthick=1)
    axes.text(point["mean"] + whisker + end * 0.02, y + 0.02, number(point["mean"]), va="center", fontsize=8)


def draw_bars(figure, panels):
    series = in_order(figure["points"], "series")
    for axes, metric, label in zip(panels, figure["metrics"], figure["labels"]):
        points, marks = chosen(figure, metric), published(figure, metric)
        end = 1.16 * end_of_axis(points, marks)
        for y, name in enumerate(series):
            for point in chosen(figure, metric, series=name):
                draw_bar(axes, y, point, end)
        for mark in marks:
            axes.plot(mark["value"], series.index(mark["system"]) - 0.42, marker="v", markersize=6.5, color="black",
                      linestyle="none", clip_on=False, zorder=5)
        rows(axes, series, end, label)
    return 0


def rows(axes, series, end, label):
    axes.set_xlim(0, end)
    axes.set_ylim(len(series) - 0.45, -0.75)
    axes.set_yticks(range(len(series)), series)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(label, fontsize=9)
    axes.xaxis.set_major_formatter(FuncFormatter(number))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x", color="0.9", linewidth=0.6)


def draw_stacked(figure, panels):
    axes = panels[0]
    series = in_order(figure["points"], "series")
    ends = [0.0] * len(series)
    for index, (metric, label) in enumerate(zip(figure["metrics"], figure["labels"])):
        values = [sum(p["mean"] or 0 for p in chosen(figure, metric, series=name)) for name in series]
        axes.barh(range(len(series)), values, left=ends, height=0.62, label=label, edgecolor="black", linewidth=0.5,
                  color=["#FFFFFF", *COLOURS[1:]][index % len(COLOURS)], alpha=0.85,
                  hatch=HATCHES[(index + index // len(COLOURS)) % len(HATCHES)])
        ends = [end + value for end, value in zip(ends, values)]
    for y, (name, end) in enumerate(zip(series, ends)):
        has_all = all(p["mean"] is not None for p in figure["points"] if p["series"] == name)
        axes.text(end + max(ends) * 0.01, y, number(end) if has_all else "not possible", va="center", fontsize=8)
    for mark in published(figure, whole(figure)):
        axes.plot(mark["value"], series.index(mark["system"]) - 0.42, marker="v", markersize=6.5, color="black",
                  linestyle="none", clip_on=False, zorder=5)
    rows(axes, series, max(ends) * 1.1, figure["x_label"])
    return len(figure["metrics"])


KINDS = {"lines": draw_lines, "bars": draw_bars, "stacked": draw_stacked, "shares": draw_shares,
         "over-time": draw_over_time}


def shown_marks(figure):
    """The published values that the kind draws."""
    if figure["kind"] in ("shares", "over-time"):
        return []
    metrics = [whole(figure)] if figure["kind"] == "stacked" else figure["metrics"]
    return [m for metric in metrics for m in published(figure, metric)
            if figure["kind"] != "lines" or (m["rate_per_s"] is not None and figure["x"] == "workload.rate_per_s")]


def caption(figure):
    seeds = len(figure["seeds"])
    text = f"{figure['question']} {figure['label'].capitalize()}"
    if figure["kind"] == "shares":
        text += f", {seeds} seed{'s' if seeds > 1 else ''}."
    elif seeds > 1:
        whiskers = "" if figure["kind"] in ("stacked", "over-time") else ", whiskers: 95% confidence interval"
        text += f", mean of {seeds} seeds{whiskers}."
    else:
        text += ", one seed."
    if any(0 < p["runs"] < seeds for p in figure["points"]):
        text += " Some runs failed or have no such figure; the others are shown."
    if figure["note"]:
        text += f" {figure['note']}"
    if figure["kind"] not in ("stacked", "over-time") and any(p["saturated_runs"] for p in figure["points"]):
        text += f" {'Hollow' if figure['kind'] == 'lines' else 'Hatched'}: saturated, queues grow for as long as requests come."
    marks = shown_marks(figure)
    if marks:
        text += f" ▼ published ({'; '.join(dict.fromkeys(m['source'] for m in marks))})."
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="NAME.json of hat figures")
    parser.add_argument("image", help="a .png, .pdf or .svg to write")
    arguments = parser.parse_args()
    with open(arguments.data, encoding="utf-8") as file:
        figure = json.load(file)
    series = in_order(figure["points"], "series")

    plt.rcParams.update({"font.family": "DejaVu Sans", "hatch.linewidth": 0.6, "svg.hashsalt": "hat", "pdf.fonttype": 42})
    is_rows = figure["kind"] in ("bars", "stacked")
    count = 1 if figure["kind"] == "stacked" else len(figure["metrics"])
    lines = textwrap.wrap(caption(figure), 122)
    body = 0.62 + 0.33 * len(series) if is_rows else 2.5
    legend_rows = 0
    below = 0.5 + 0.145 * len(lines)

    image = plt.figure(figsize=(WIDTH, 1))
    panels = image.subplots(1, count, sharey=is_rows, squeeze=False)[0]
    entries = KINDS[figure["kind"]](figure, panels)
    for axes in panels:
        plain(axes)
    if entries > 1:
        columns = min(entries, {7: 4, 8: 4, 9: 5, 10: 5}.get(entries, 6))
        legend_rows = math.ceil(entries / columns)
    above = 0.1 + (0.2 if not is_rows else 0) + 0.19 * legend_rows
    height = body + above + below
    image.set_size_inches(WIDTH, height)
    if legend_rows:
        handles, labels = panels[0].get_legend_handles_labels()
        image.legend(handles, labels, loc="upper center", ncol=columns, fontsize=8, frameon=False,
                     bbox_to_anchor=(0.5, 1 - 0.02 / height), borderaxespad=0)
    left = 0.09 if not is_rows else min(0.32, 0.03 + 0.0115 * max(len(name) for name in series))
    image.text(0.01, 0.03 / height, "\n".join(lines), fontsize=8, va="bottom", linespacing=1.2)
    image.subplots_adjust(left=left, right=0.985, top=1 - above / height, bottom=below / height,
                          wspace=0.08 if is_rows else 0.2)
    is_png = arguments.image.endswith(".png")
    dates = {"Software": None} if is_png else {"CreationDate": None} if arguments.image.endswith(".pdf") else {"Date": None}
    image.savefig(arguments.image, dpi=200, metadata=dates)


if __name__ == "__main__":
    main()
