#!/usr/bin/python3
"""Draws a study of offloading: how long does a task take, and how often is it right, by who decides and how full the network is?

Reads the offload.json that `hat offload` writes.
"""
import argparse
import json
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from styles import counted, style

QUESTION = "How long does a task take, and how often is it right, by who decides where it goes and where it exits?"


def frame(axes, label):
    axes.set_xlabel("load of the fullest stage", fontsize=9)
    axes.set_ylabel(label, fontsize=9)
    axes.tick_params(labelsize=8, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.92", linewidth=0.6)
    axes.set_axisbelow(True)


def keeps_up(cell, cells):
    """Within three times of dto-ee at that load."""
    ours = [other for other in cells if other["decider"] == "dto-ee" and other["load"] == cell["load"]]
    return not ours or cell["delay_ms"]["mean"] <= 3 * ours[0]["delay_ms"]["mean"]


def draw(axes, cells, deciders, metric, scale):
    for index, decider in enumerate(deciders):
        own = [cell for cell in cells if cell["decider"] == decider and keeps_up(cell, cells)]
        look = style(index)
        if index >= 7:
            look["markerfacecolor"] = "white"
            look["markeredgecolor"] = look["color"]
        axes.errorbar(
            [cell["load"] for cell in own], [scale * cell[metric]["mean"] for cell in own],
            yerr=[scale * (cell[metric]["half_width"] or 0) for cell in own], capsize=2.5, label=decider, **look)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="offload.json")
    parser.add_argument("image", help="a .png, .pdf or .svg to write")
    arguments = parser.parse_args()
    with open(arguments.data, encoding="utf-8") as file:
        data = json.load(file)
    plt.rcParams.update({"font.family": "DejaVu Sans", "svg.hashsalt": "hat", "pdf.fonttype": 42})
    cells = data["cells"]
    deciders = list(dict.fromkeys(cell["decider"] for cell in cells))
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.8, 4.1))
    frame(left, "mean delay (ms)")
    frame(right, "right answers (%)")
    draw(left, cells, deciders, "delay_ms", 1)
    draw(right, cells, deciders, "accuracy", 100)
    left.set_ylim(bottom=0)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=4, fontsize=8, frameon=False, loc="upper center")
    text = (f"{QUESTION} {data['label'].capitalize()}; {data['about']}; {counted(data['seeds'], 'seed')} with 95% intervals. "
            "DTO-EE is a reconstruction from its abstract. Left out: whoever takes more than three times as long as dto-ee.")
    lines = textwrap.wrap(text, 128)
    figure.subplots_adjust(left=0.085, right=0.99, top=0.86, bottom=0.165 + 0.036 * len(lines), wspace=0.24)
    figure.text(0.01, 0.015, "\n".join(lines), fontsize=8, va="bottom", linespacing=1.2)
    none = {".png": {"Software": None}, ".pdf": {"CreationDate": None}}
    figure.savefig(arguments.image, dpi=300, metadata=none.get(arguments.image[-4:]))


if __name__ == "__main__":
    main()
