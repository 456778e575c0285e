#!/usr/bin/python3
"""Draws a calibration: how near does it come to each published figure, and how well is each parameter known?

Reads the calibration.json that `hat calibrate` writes.
"""
import argparse
import json

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

BEFORE, FITTED, LIMIT = "0.6", "#0072b2", 3.84
COLUMNS = 3


def draw_errors(axes, data):
    """A row a figure: before and fitted, as how far off."""
    figures = data["figures"]
    for row, figure in enumerate(figures):
        before, fitted = data["before"]["errors"][row], data["fitted"]["errors"][row]
        if before is not None and fitted is not None:
            axes.plot([100 * before, 100 * fitted], [row, row], color="0.85", linewidth=1, zorder=1)
        for value, color, marker in ((before, BEFORE, "o"), (fitted, FITTED, "D")):
            if value is not None:
                axes.plot(100 * value, row, marker, color=color, markersize=4, zorder=2)
    names = [f["name"] + (" (not fitted)" if f["weight"] == 0 else "") for f in figures]
    axes.set_yticks(range(len(figures)), names, fontsize=6)
    axes.set_ylim(len(figures) - 0.5, -0.5)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.axvspan(-20, 20, color="0.95", zorder=0)
    axes.set_xlabel("ours / published - 1 (%); shaded: 20%")
    axes.plot([], [], "o", color=BEFORE, markersize=4, label="before")
    axes.plot([], [], "D", color=FITTED, markersize=4, label="fitted")
    axes.legend(fontsize=7, loc="lower left")


def draw_profile(axes, parameter, fitted):
    """The least misfit at each value, above the fit's; dashed: where the 95% interval ends."""
    points = parameter["profile"]
    axes.plot([p[0] for p in points], [p[1] for p in points], ".-", color=FITTED, linewidth=1, markersize=4)
    axes.axhline(LIMIT, color="0.5", linewidth=0.8, linestyle="--")
    axes.axvline(fitted, color=FITTED, linewidth=0.8)
    axes.axvspan(*parameter["interval"], color=FITTED, alpha=0.12, linewidth=0)
    if parameter["scale"] == "log":
        axes.set_xscale("log")
    axes.set_xlim(parameter["low"], parameter["high"])
    axes.set_ylim(-0.3, 12)
    low, high = parameter["interval"]
    axes.set_title(f"{parameter['name']}: {fitted:.3g} ({low:.3g} to {high:.3g})", fontsize=8)
    axes.tick_params(labelsize=6.5, which="both")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("calibration", help="calibration.json")
    parser.add_argument("image", help="the picture to write: .png, .pdf or .svg")
    options = parser.parse_args()
    with open(options.calibration, encoding="utf-8") as file:
        data = json.load(file)
    parameters = data["parameters"]
    rows = -(-len(parameters) // COLUMNS)
    figure = plt.figure(figsize=(8, 0.17 * len(data["figures"]) + 1.6 * rows + 1.6), layout="constrained")
    figure.suptitle(f"How near to the published figures, and how well known? ({data['name']}, {data['label']})", fontsize=10)
    top, bottom = figure.subfigures(2, 1, height_ratios=[0.17 * len(data["figures"]) + 0.7, 1.6 * rows])
    draw_errors(top.subplots(), data)
    for index, axes in enumerate(bottom.subplots(rows, COLUMNS, squeeze=False).flat):
        if index >= len(parameters):
            axes.axis("off")
            continue
        draw_profile(axes, parameters[index], data["fitted"]["parameters"][index])
        if index % COLUMNS == 0:
            axes.set_ylabel("misfit above the fit's", fontsize=7)
    figure.savefig(options.image, dpi=150, metadata={"Software": None} if options.image.endswith(".png") else None)


if __name__ == "__main__":
    main()
