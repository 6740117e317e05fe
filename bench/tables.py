#!/usr/bin/env python3
"""Prints what run_peers.py has measured as the tables of docs/performance.md.

    tables.py < docs/performance/peers.json
"""

import json
import sys


def microseconds(value):
    us = value * 1e6
    if us >= 10_000:
        return f"{us / 1000:.0f} ms"
    return f"{us:.0f} us"


def rate(unit):
    return lambda value: f"{unit / value:.2f}"


def number(value):
    return f"{value:.1f}"


def count(value):
    return f"{value:.0f}"


# The title of each table, and of its columns: the work, the figure of it, and
# how it is shown.
TABLES = [
    ("Starts, of each child", [
        ("tiny", "spawn_wait", "seconds", microseconds),
        ("/bin/true", "spawn_wait_true", "seconds", microseconds),
        ("one line", "spawn_communicate", "seconds", microseconds),
        ("64 in flight", "in_flight", "seconds", microseconds),
        ("2 in flight", "two_in_flight", "seconds", microseconds),
        ("1 GiB", "spawn_wait_1g", "seconds", microseconds),
        ("4 GiB", "spawn_wait_4g", "seconds", microseconds)]),
    ("Bytes in GB/s, lines in millions a second", [
        ("from the child", "read_some", "seconds", rate(1e-9)),
        ("to the child", "write_some", "seconds", rate(1e-9)),
        ("both ways", "duplex", "seconds", rate(1e-9)),
        ("communicate", "read_all", "seconds", rate(1e-9)),
        ("lines", "readline", "seconds", rate(1e-6))]),
    ("Each of 2000 living children", [
        ("memory, KiB", "alive", "memory_kib", number),
        ("descriptors", "alive", "descriptors", count),
        ("threads in all", "alive", "threads", count)]),
    ("1000 starts beside a ticker of 1 ms", [
        ("tick late by", "stall", "tick_median", microseconds),
        ("p99", "stall", "tick_p99", microseconds),
        ("a start holds its caller", "stall", "held", microseconds),
        ("p99", "stall", "held_p99", microseconds)]),
]


def main():
    report = json.load(sys.stdin)
    found = {(row["work"], row["peer"]): row for row in report["summary"]}
    for title, columns in TABLES:
        print(f"\n{title}:\n")
        print("| | " + " | ".join(name for name, *_ in columns) + " |")
        print("|---|" + "--:|" * len(columns))
        for peer, shown in report["shown"].items():
            cells = [form(found[work, peer][figure])
                     if figure in found.get((work, peer), {}) else ""
                     for _, work, figure, form in columns]
            if any(cells):
                print(f"| {shown} | " + " | ".join(cells) + " |")
    print("\n" + report["noise"])


if __name__ == "__main__":
    main()
