#!/usr/bin/python3
"""Draws a validation: how far is the simulator from the same requests served live?

Reads the validation.json that `hat validate` writes. A row a system: the share of requests within a time, both worlds over
each other, then every request as a point, simulated over live; on the diagonal both worlds took the same time.
"""
import argparse
import json
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from styles import counted, style

QUESTION = "How far is the simulator from the same requests served live?"
METRICS = [("ttft_ms", "TTFT"), ("tbt_ms", "TBT")]
ROW_INCHES, HEAD_INCHES = 1.75, 0.12


def plain_number(value, _):
    return f"{value:,.0f}" if value == int(value) else f"{value:,g}"


def frame(axes, label):
    axes.set_xlabel(label, fontsize=7.5)
    axes.tick_params(labelsize=7, length=2.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(4))
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(plain_number))


def say_nothing(axes):
    axes.text(0.5, 0.5, "not measured", transform=axes.transAxes, ha="center", fontsize=8, style="italic", color="0.3")


def draw_curves(axes, curves, labels, name):
    """Live as a broad light line, simulated as a thin dashed one on it: told apart in print as well."""
    frame(axes, f"{name} (ms)")
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.5, 0.9, 1], ["0", "50%", "90%", "100%"])
    if not curves["live"]:
        return say_nothing(axes)
    shares = [i / (len(curves["live"]) - 1) for i in range(len(curves["live"]))]
    live, simulated = style(6)["color"], style(4)["color"]
    axes.plot(curves["live"], shares, color=live, linewidth=4, solid_capstyle="round", label=labels["live"])
    axes.plot(curves["simulated"], shares, color=simulated, linewidth=1.1, linestyle=(0, (4, 1.6)), label=labels["simulated"])
    axes.set_xlim(left=0)
    return None


def draw_requests(axes, times, labels, name):
    frame(axes, f"{name}, {labels['live']} (ms)")
    axes.set_ylabel(f"{labels['simulated']} (ms)", fontsize=7.5, labelpad=2)
    axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(plain_number))
    known = [value for value in times["live"] + times["simulated"] if value is not None]
    if not known:
        return say_nothing(axes)
    pairs = [pair for pair in zip(times["live"], times["simulated"]) if None not in pair]
    end = 1.05 * max(known)
    axes.plot([0, end], [0, end], color="0.55", linewidth=0.9, zorder=1)
    axes.scatter(
        [live for live, _ in pairs], [simulated for _, simulated in pairs], s=5, color=style(0)["color"], alpha=0.35,
        linewidths=0, zorder=2, rasterized=len(pairs) > 300,
    )
    ticks = [tick for tick in matplotlib.ticker.MaxNLocator(3).tick_values(0, end) if tick <= end]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.set_xlim(0, end)
    axes.set_ylim(0, end)
    axes.set_aspect("equal", adjustable="box")
    return None


def scale(system):
    setup = system["setup"]
    return f"time scale {setup['time_scale']:g}" if setup else "time scale not known"


def draw_system(row, system):
    labels = system["labels"]
    for axes, (metric, name) in zip(row[:2], METRICS):
        draw_curves(axes, system["curves"][metric], labels, name)
    for axes, (metric, name) in zip(row[2:], METRICS):
        draw_requests(axes, system["requests"][metric], labels, name)
    if row[0].get_lines():  # where TTFTs leave room; it holds for both
        row[0].legend(fontsize=6.5, loc="lower right", frameon=False, handlelength=2.4, borderaxespad=0.1)
    row[0].set_ylabel("requests within", fontsize=7.5, labelpad=1)
    title = f"{system['system']}: {labels['simulated']} against {labels['live']}, {scale(system)}"
    row[0].set_title(title, fontsize=8.5, loc="left")


def caption(data):
    changed = f" ({', '.join(data['overrides'])})" if data["overrides"] else ""
    seeds = f"seed{'s' if len(data['seeds']) > 1 else ''} {', '.join(map(str, data['seeds']))}"
    measured = [system["measured"] for system in data["systems"]]
    count = f"{min(measured):,}" if min(measured) == max(measured) else f"{min(measured):,} to {max(measured):,}"
    return (
        f"{QUESTION} Scenario {data['scenario']}: {data['model']}, {counted(data['devices'], 'device')}, {seeds}{changed}; "
        f"{count} requests a system that both worlds completed after the warm-up. Left: the share of them within a time; right: "
        "each request, on the diagonal if both worlds took the same time."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="validation.json")
    parser.add_argument("image", help="a .png, .pdf or .svg to write")
    arguments = parser.parse_args()
    with open(arguments.data, encoding="utf-8") as file:
        data = json.load(file)

    plt.rcParams.update({"font.family": "DejaVu Sans", "svg.hashsalt": "hat", "pdf.fonttype": 42})
    systems = data["systems"]
    lines = textwrap.wrap(caption(data), 135)
    foot = 0.15 + 0.15 * len(lines)
    height = HEAD_INCHES + ROW_INCHES * len(systems) + foot
    figure = plt.figure(figsize=(7.8, height))
    grid, under = figure.subfigures(2, 1, height_ratios=[height - foot, foot])
    rows = grid.subplots(len(systems), 4, squeeze=False, width_ratios=[1.25, 1.25, 1, 1])
    for row, system in zip(rows, systems):
        draw_system(row, system)
    grid.subplots_adjust(
        left=0.065, right=0.992, top=1 - 0.32 / (height - foot), bottom=0.4 / (height - foot), wspace=0.42,
        hspace=0.75 / (ROW_INCHES - 0.75),
    )
    under.text(0.01, 0.06 / foot, "\n".join(lines), fontsize=7.5, va="bottom", linespacing=1.2)
    none = {".png": {"Software": None}, ".pdf": {"CreationDate": None}}
    figure.savefig(arguments.image, dpi=300, metadata=none.get(arguments.image[-4:]))


if __name__ == "__main__":
    main()
