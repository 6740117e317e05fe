#!/usr/bin/env python3
"""Draws what run_peers.py has measured.

    plot.py FOLDER < report.json

Makes one SVG for each group of works in FOLDER: a bar for each peer. The
files are the same whenever the figures are.
"""

import json
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "brood"
matplotlib.rcParams["font.size"] = 8
# Words as words: smaller files, which can be searched.
matplotlib.rcParams["svg.fonttype"] = "none"

import matplotlib.pyplot as plt  # noqa: E402 (after the choice of back end)

# The file, its title, the figure that counts, and the works.
PLOTS = [
    ("start", "One child: microseconds, less is better", "seconds",
     ["spawn_wait", "spawn_wait_true", "spawn_communicate"]),
    ("in_flight", "Many children: microseconds each, less is better",
     "seconds", ["in_flight", "two_in_flight", "alive"]),
    ("big_parent", "A big parent starts /bin/true: microseconds, less is "
     "better", "seconds", ["spawn_wait_1g", "spawn_wait_4g"]),
    ("bytes", "Bytes: GB/s, more is better", "seconds",
     ["read_some", "write_some", "duplex", "read_all"]),
    ("lines", "Lines of 8 bytes: million a second, more is better",
     "seconds", ["readline"]),
    ("stall_tick", "How late the loop's ticks are while it starts children:\n"
     "microseconds, 99th percentile, less is better", "tick_p99", ["stall"]),
    ("stall_held", "How long a start holds its caller: microseconds, median",
     "held", ["stall"]),
    ("memory", "KiB of the parent's memory for each living child",
     "memory_kib", ["alive"]),
]


def in_unit(value, figure, unit):
    if figure == "memory_kib":
        return value
    if figure != "seconds" or unit == "us":
        return value * 1e6
    return (1e-9 if unit == "GB/s" else 1e-6) / value


def figure_of(bar):
    if not bar:
        return ""
    return f"{bar:.0f}" if bar >= 100 else f"{bar:.3g}"


def draw(path, title, figure, works, report):
    found = {(row["work"], row["peer"]): row for row in report["summary"]}
    fig, all_axes = plt.subplots(
        1, len(works), figsize=(4.5 + 2 * len(works), 3.6), sharey=True,
        squeeze=False)
    peers = [peer for peer in report["shown"]
             if any(figure in found[work, peer] for work in works)]
    for axes, work in zip(all_axes[0], works):
        shown, unit = report["works"][work]
        bars = [in_unit(found[work, peer].get(figure, 0) or 0, figure, unit)
                if figure in found[work, peer] else 0 for peer in peers]
        drawn = axes.barh(
            [report["shown"][peer] for peer in peers], bars,
            color=["#d95f02" if peer == "brood" else "#7f7f7f"
                   for peer in peers])
        axes.bar_label(drawn, [figure_of(bar) for bar in bars], padding=2,
                       fontsize=7)
        positive = [bar for bar in bars if bar > 0]
        if positive and max(positive) > 20 * min(positive):
            axes.set_xscale("log")
            axes.set_title(shown + " (log)")
        else:
            axes.set_title(shown)
        axes.margins(x=0.2)
        axes.spines[["top", "right"]].set_visible(False)
    all_axes[0][0].invert_yaxis()
    fig.suptitle(title)
    fig.tight_layout()
    fig.savefig(path, metadata={"Date": None})
    plt.close(fig)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    report = json.load(sys.stdin)
    for name, title, figure, works in PLOTS:
        works = [work for work in works if work in report["works"]]
        if works:
            draw(folder / f"{name}.svg", title, figure, works, report)
    print(f"Plots: {folder}")


if __name__ == "__main__":
    main()
