#!/usr/bin/python3
"""Draws a training run's log: how did the losses fall, and what did the schedule do?

Reads the CSV that `hat train ...` writes: step, tokens, elapsed_s, measure, value.
"""
import argparse

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

SCHEDULE = ["learning rate", "gradient norm"]


def draw_losses(axes, rows):
    for measure, points in rows.groupby("measure", sort=False):
        is_training = measure.startswith("training ")
        axes.plot(points.tokens / 1e6, points.value, label=measure, linewidth=0.9 if is_training else 1.8,
                  alpha=0.65 if is_training else 1, marker=None if is_training or len(points) > 40 else "o", markersize=3)
    axes.set_ylabel("loss")
    low, high = rows.value.min(), rows.value.quantile(0.98)
    margin = 0.05 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.legend(fontsize=8, frameon=False)


def draw_schedule(axes, rows):
    second = axes.twinx()
    for axis, measure, color in zip((axes, second), SCHEDULE, ("tab:blue", "tab:orange")):
        points = rows[rows.measure == measure]
        axis.plot(points.tokens / 1e6, points.value, color=color, linewidth=1.2)
        axis.set_ylabel(measure, color=color)
        axis.set_ylim(bottom=0)
    axes.set_xlabel("tokens trained on, millions")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("image")
    parser.add_argument("--title", required=True)
    options = parser.parse_args()
    data = pd.read_csv(options.data)
    is_schedule = data.measure.isin(SCHEDULE)
    figure, (losses, schedule) = plt.subplots(2, 1, figsize=(8, 6.4), sharex=True, height_ratios=[3, 1])
    draw_losses(losses, data[~is_schedule])
    draw_schedule(schedule, data[is_schedule])
    losses.grid(True, color="0.9", linewidth=0.6)
    last = data.iloc[-1]
    losses.set_title(f"{options.title}: {last.step:,.0f} steps, {last.tokens / 1e6:.2f} M tokens, {last.elapsed_s:,.0f} s", fontsize=11)
    figure.tight_layout()
    figure.savefig(options.image, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
