#!/usr/bin/python3
"""Draws the largest request rates at which objectives are met: which system carries how many clients?

Reads the capacity.json that `hat capacity` writes.
"""
import argparse
import json
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from styles import counted, style

QUESTION = "How many requests a second can be served with"
BAR_COLOR = "0.72"


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def top_of(points):
    """The highest rate that is shown."""
    ends = [max(p["rate_per_s"], p["high_per_s"] or 0) for p in points if p["rate_per_s"] is not None]
    return max(ends, default=1)


def draw_interval(axes, place, point, end, color, is_vertical):
    """The interval at `place` on the other axis; an arrow where it is open."""
    rate = point["rate_per_s"]
    for limit, sign in ((point["low_per_s"], -1), (point["high_per_s"], 1)):
        is_open = limit is None
        if is_open and point["state"] == "always met" and sign < 0:
            continue
        away = 0.035 * end if is_open else max(0, sign * (limit - rate))
        ends = [rate, rate + sign * away]
        cap = ("v" if sign < 0 else "^") if is_vertical else ("<" if sign < 0 else ">")
        if not is_open:
            cap = "_" if is_vertical else "|"
        xs, ys = ([place] * 2, ends) if is_vertical else (ends, [place] * 2)
        axes.plot(xs, ys, color=color, linewidth=1, zorder=3)
        axes.plot(xs[1], ys[1], color=color, marker=cap, markersize=3.5 if is_open else 6, zorder=3)


def name_of_bound(binds):
    """ttft_p90_ms: TTFT p90."""
    words = binds.removesuffix("_ms").split("_")
    return " ".join([words[0].upper(), *words[1:]]) if binds != "saturation" else binds


def gpu_axis(axes, points, is_vertical):
    """A second scale in clients a cloud GPU, where that is the same factor for all; whether it is."""
    factors = {round(p["clients_per_gpu"] / p["rate_per_s"], 9) for p in points if p["clients_per_gpu"]}
    if len(factors) != 1:
        return False
    factor = factors.pop()
    scale = (lambda rate: rate * factor, lambda clients: clients / factor)
    second = axes.secondary_yaxis("right", functions=scale) if is_vertical else axes.secondary_xaxis("top", functions=scale)
    (second.set_ylabel if is_vertical else second.set_xlabel)("clients per cloud GPU", fontsize=9)
    second.tick_params(labelsize=8, length=3)
    return True


def draw_bars(axes, points):
    end = top_of(points) * 1.25
    for y, point in enumerate(points):
        if point["rate_per_s"] is None:
            axes.text(end * 0.01, y, point["state"], va="center", fontsize=8, style="italic", color="0.3")
            continue
        rate = point["rate_per_s"]
        axes.barh(y, rate, height=0.62, color=BAR_COLOR, edgecolor="black", linewidth=0.7)
        draw_interval(axes, y, point, end, "black", is_vertical=False)
        is_open = point["state"] == "always met"
        text = f"> {rate:.3g}" if is_open else f"{rate:.3g}  ({name_of_bound(point['binds'])})"
        right = point["high_per_s"] or rate + 0.035 * end
        axes.text(right + end * 0.015, y + 0.02, text, va="center", fontsize=8)
    axes.set_xlim(0, end)
    axes.set_ylim(len(points) - 0.45, -0.6)
    axes.set_yticks(range(len(points)), [point["system"] for point in points])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("largest rate (requests/s)", fontsize=9)
    axes.grid(axis="x", color="0.9", linewidth=0.6)
    axes.spines["right"].set_visible(False)
    gpu_axis(axes, points, is_vertical=False)


def places(points):
    """Where the swept values stand on the axis, and whether it is logarithmic."""
    texts = list(dict.fromkeys(point["value"] for point in points))
    numbers = [number(text) for text in texts]
    if None in numbers:
        return {text: i for i, text in enumerate(texts)}, False
    is_log = min(numbers) > 0 and max(numbers) / min(numbers) >= 8
    return dict(zip(texts, numbers)), is_log


def spread(heights, gap):
    """Heights moved apart so that labels at them do not touch, in their order."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    moved = list(heights)
    for below, above in zip(order, order[1:]):
        moved[above] = max(moved[above], moved[below] + gap)
    return moved


def draw_system(axes, points, at, top, look):
    """The rates of one system; 0, and a hollow mark, where it never meets the objectives."""
    for point in points:
        if point["rate_per_s"] is not None:
            draw_interval(axes, at[point["value"]], point, top, look["color"], is_vertical=True)
    possible = [p for p in points if p["state"] != "not possible"]
    axes.plot([at[p["value"]] for p in possible], [p["rate_per_s"] or 0 for p in possible], zorder=4, clip_on=False, **look)
    never = [at[p["value"]] for p in possible if p["rate_per_s"] is None]
    hollow = {"linestyle": "none", "markeredgecolor": look["color"], "markerfacecolor": "white", "markeredgewidth": 1.4}
    axes.plot(never, [0] * len(never), zorder=5, clip_on=False, **{**look, **hollow})
    return possible[-1]["rate_per_s"] or 0 if possible else None


def draw_lines(axes, points, over):
    at, is_log = places(points)
    systems = list(dict.fromkeys(point["system"] for point in points))
    top, ends = top_of(points), []
    for index, system in enumerate(systems):
        last = draw_system(axes, [p for p in points if p["system"] == system], at, top, style(index))
        if last is not None:
            ends.append((last, system, style(index)["color"]))
    axes.set_ylim(0, top * 1.06)
    if is_log:
        axes.set_xscale("log")
    axes.set_xticks(list(at.values()), list(at.keys()))
    axes.minorticks_off()
    names = 1.1 if gpu_axis(axes, points, is_vertical=True) else 1.02
    for (_, system, color), height in zip(ends, spread([rate for rate, _, _ in ends], top * 0.05)):
        axes.annotate(
            system, (1, height), xytext=(names, height), xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"), fontsize=8.5, color=color, va="center", annotation_clip=False,
        )
    axes.set_xlabel(over, fontsize=9)
    axes.set_ylabel("largest rate (requests/s)", fontsize=9)
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def caption(capacity):
    points, seeds = capacity["points"], len(capacity["seeds"])
    bounds = " and ".join(f"{name_of_bound(o['name'])} ≤ {o['bound']:g} {o['unit']}" for o in capacity["objectives"])
    changed = f" ({', '.join(capacity['overrides'])})" if capacity["overrides"] else ""
    fleet = ", more of them at higher rates" if capacity["grows_fleet"] else ""
    text = (
        f"{QUESTION} {bounds}? Scenario {capacity['scenario']}: {capacity['model']}, {counted(points[0]['devices'], 'device')}"
        f"{fleet}{changed}. {capacity['label'].capitalize()}, "
    )
    text += f"{seeds} seeds, the same at every rate" if seeds > 1 else "one seed"
    text += "; whiskers: where the limit surely is (95%), an arrow where that is open." if seeds > 1 else "."
    if capacity["over"] and any(point["state"] == "never met" for point in points):
        text += " Hollow: met at no rate."
    if capacity["over"] is None:
        text += " In brackets: the objective that binds."
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="capacity.json")
    parser.add_argument("image", help="a .png, .pdf or .svg to write")
    arguments = parser.parse_args()
    with open(arguments.data, encoding="utf-8") as file:
        capacity = json.load(file)
    points, over = capacity["points"], capacity["over"]

    plt.rcParams.update({"font.family": "DejaVu Sans", "svg.hashsalt": "hat"})
    height = 4.2 if over else 1.6 + 0.3 * len(points)
    figure, axes = plt.subplots(figsize=(7.1, height))
    axes.tick_params(labelsize=8, length=3)
    if over:
        draw_lines(axes, points, over)
    else:
        draw_bars(axes, points)
    axes.set_axisbelow(True)
    lines = textwrap.wrap(caption(capacity), 118)
    figure.text(0.01, 0.02, "\n".join(lines), fontsize=8, va="bottom", linespacing=1.2)
    figure.subplots_adjust(
        left=0.085 if over else 0.125, right=0.78 if over else 0.985, top=0.97 if over else 1 - 0.5 / height,
        bottom=(0.57 + 0.145 * len(lines)) / height,
    )
    dates = {".png": {"Software": None}, ".pdf": {"CreationDate": None}, ".svg": {"Date": None}}
    figure.savefig(arguments.image, dpi=300, metadata=dates.get(arguments.image[-4:]))


if __name__ == "__main__":
    main()
