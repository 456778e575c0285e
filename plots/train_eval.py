#!/usr/bin/python3
"""Draws what a drafter is worth: is its confidence right, how far does it see, what threshold suits it?

Reads the CSV that `hat train eval --out IMAGE` writes: measure, genre, x, value, count.
"""
import argparse

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

PANELS = [
    ("confidence", "Is the confidence right?", "confidence (mean of a bin)", "share of right guesses"),
    ("right at step", "How far does it see?", "step of the draft", "share right, where all before were"),
    ("accept length", "Which threshold suits it?", "threshold", "tokens a round"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("image")
    options = parser.parse_args()
    data = pd.read_csv(options.data)
    figure, all_axes = plt.subplots(1, len(PANELS), figsize=(13, 4.2))
    for axes, (measure, title, x_label, y_label) in zip(all_axes, PANELS):
        for genre, rows in data[data.measure == measure].groupby("genre", sort=False):
            axes.plot(rows.x, rows.value, marker="o", markersize=3.5, linewidth=1.4, label=genre)
        axes.set(title=title, xlabel=x_label, ylabel=y_label)
        axes.grid(True, color="0.9", linewidth=0.6)
        axes.legend(fontsize=8, frameon=False)
    all_axes[0].plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle=":")
    all_axes[0].set(xlim=(0, 1), ylim=(0, 1))
    all_axes[1].set_ylim(0, 1)
    all_axes[2].set_ylim(bottom=1)
    figure.tight_layout()
    figure.savefig(options.image, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
