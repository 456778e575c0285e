#!/usr/bin/python3
"""Draws a latency profile: what does an operation cost, by new tokens and context?

Reads the CSV that `hat profile show FILE --out IMAGE` writes: operation, context, tokens, median_us, p10_us, p90_us.
"""
import argparse
import textwrap

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

PANELS = {
    "Decoder layer": ["layer"],
    "Decoder layer without attention": ["linear"],
    "Adapter": ["adapter"],
    "Attention of one sequence, a layer": ["attention"],
    "Other operations": ["embedding", "head", "medusa", "draft", "a0"],
}
plt.rcParams["text.parse_math"] = False  # names may hold a dollar sign
STYLES = ["-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1))]


def plain(value, _):
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def draw_line(axes, rows, label, index, count):
    color = plt.cm.viridis(0.9 * index / max(1, count - 1))
    style = STYLES[index % len(STYLES)]
    rows = rows.sort_values("tokens")
    marker = "o" if len(rows) == 1 else None
    axes.plot(rows.tokens, rows.median_us, label=label, color=color, linestyle=style, marker=marker, linewidth=1.6)
    if (rows.p90_us > rows.p10_us).any():
        axes.fill_between(rows.tokens, rows.p10_us, rows.p90_us, color=color, alpha=0.2, linewidth=0)


def draw_panel(axes, title, rows):
    groups = list(rows.groupby(["operation", "context"], sort=False))
    by_context = rows.operation.nunique() == 1 and len(groups) > 1
    for index, ((operation, context), group) in enumerate(groups):
        draw_line(axes, group, f"context {context:,}" if by_context else operation, index, len(groups))
    axes.set_title(title, fontsize=10)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xlabel("new tokens")
    axes.xaxis.set_major_locator(LogLocator(base=4))
    axes.xaxis.set_major_formatter(FuncFormatter(plain))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(plain))
    axes.grid(True, which="major", color="0.88", linewidth=0.6)
    axes.legend(fontsize=7.5, frameon=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("image")
    parser.add_argument("--title", required=True)
    parser.add_argument("--caption", default="")
    options = parser.parse_args()
    data = pd.read_csv(options.data)
    panels = {title: data[data.operation.isin(names)] for title, names in PANELS.items()}
    panels = {title: rows for title, rows in panels.items() if len(rows)}
    figure, all_axes = plt.subplots(1, len(panels), figsize=(4.2 * len(panels), 4.2), squeeze=False)
    for axes, (title, rows) in zip(all_axes[0], panels.items()):
        draw_panel(axes, title, rows)
    all_axes[0][0].set_ylabel("latency, µs")
    figure.suptitle(options.title, fontsize=12)
    question = "What does an operation cost, by new tokens (both scales logarithmic)? Median; band: 10% to 90%. Source: "
    caption = "\n".join(textwrap.wrap(question + options.caption, 62 * len(panels)))
    figure.tight_layout(rect=(0, 0.032 * (caption.count("\n") + 1.5), 1, 1))
    figure.text(0.01, 0.015, caption, fontsize=7.5, color="0.3", va="bottom")
    metadata = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    figure.savefig(options.image, dpi=150, metadata=metadata[options.image.rsplit(".", 1)[-1]])


if __name__ == "__main__":
    main()
