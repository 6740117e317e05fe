#!/usr/bin/env python3
"""Measures brood beside the peers: other libraries and languages.

    run_peers.py [--rounds N] [--quick] [--only WORK]... [--peer PEER]...
                 [--json FILE] [--no-plots]

In each round each work is done once by each program, in an order that turns
from round to round. Shown is each peer's median, and the median over the
rounds of its ratio to brood and to bare system calls (raw). A peer whose tool
or library is not here is left out, with the name of Debian's package for it.

The programs are looked for in BROOD_BENCH_DIR (default: build/release/bench),
the plots and their figures go to docs/performance/, unless a part was asked
for.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

from run import MIB, ROOT, Noise, Work, spread_of

SCRIPTS = ROOT / "bench/peers"


class Peer:
    """One way to run children: its name here, how its program is started,
    and what is missing where it cannot be."""

    def __init__(self, name, shown, package, command=None, works_if=None):
        self.name, self.shown, self.package = name, shown, package
        self.command, self.works_if = command, works_if

    def program(self, folder):
        """The start of its command line, or None."""
        if self.command:
            for command in self.command:
                if shutil.which(command[0]) and succeeds(
                        [command[0], *self.works_if]):
                    return command
            return None
        for place in (folder, folder / "peers"):
            if (place / f"bench-{self.name}").exists():
                return [place / f"bench-{self.name}"]
        return None


def succeeds(command):
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


# Debian's modules are those of /usr/bin/python3; another may come first.
def python(loop):
    return [[name, SCRIPTS / "asyncio_peer.py", loop]
            for name in ("python3", "/usr/bin/python3")]


PEERS = [
    Peer("raw", "raw (clone, pidfd)", "g++"),
    Peer("brood", "brood", "g++"),
    Peer("vfork", "vfork(2)", "g++"),
    Peer("posix_spawn", "posix_spawn(3)", "g++"),
    Peer("fork", "fork(2)", "g++"),
    Peer("boost", "Boost.Process v2", "libboost-filesystem1.81-dev"),
    Peer("tokio", "tokio", "librust-tokio-dev, cargo"),
    Peer("libuv", "libuv", "libuv1-dev"),
    Peer("qt", "Qt 6 QProcess", "qt6-base-dev"),
    Peer("go", "Go os/exec", "golang-go"),
    Peer("glib", "GLib GSubprocess", "libglib2.0-dev"),
    Peer("node", "Node child_process", "nodejs",
         [["node", SCRIPTS / "child_process.mjs"]], ["--version"]),
    Peer("asyncio", "asyncio", "python3", python("default"),
         ["-c", "import asyncio"]),
    Peer("asyncio-pidfd", "asyncio with pidfd", "python3", python("pidfd"),
         ["-c", "import asyncio; asyncio.PidfdChildWatcher"]),
    Peer("uvloop", "uvloop", "python3-uvloop", python("uvloop"),
         ["-c", "import uvloop"]),
]

TRUE = "/bin/true"
WORKS = [
    Work("spawn_wait", "start+wait, tiny", 600, "us"),
    Work("spawn_wait_true", "start+wait, true", 200, "us",
         asked="spawn_wait", child=TRUE),
    Work("spawn_communicate", "communicate, a line", 400, "us"),
    Work("in_flight", "64 in flight", 600, "us"),
    Work("two_in_flight", "2 in flight", 600, "us"),
    Work("spawn_wait_1g", "1 GiB parent, true", 50, "us",
         asked="spawn_wait", child=TRUE, gib=1),
    Work("spawn_wait_4g", "4 GiB parent, true", 20, "us",
         asked="spawn_wait", child=TRUE, gib=4),
    Work("read_some", "from the child", 256 * MIB, "GB/s"),
    Work("write_some", "to the child", 256 * MIB, "GB/s"),
    Work("duplex", "both ways", 128 * MIB, "GB/s"),
    Work("read_all", "communicate 256 MiB", 256 * MIB, "GB/s"),
    Work("readline", "short lines", 5_000_000, "M/s"),
    Work("alive", "2000 live children", 2000, "us"),
    Work("stall", "1000 starts, a ticker", 1008, "us"),
]
# What would take whole seconds of each round shows as much in fewer.
QUICK_DIVISOR = 4
TIME_LIMIT = 120  # seconds, of one program
WHOLE = {"alive", "stall", "read_all", "spawn_wait_4g"}


def run(command, folder, work, count):
    """What the program printed, or why it is left out."""
    with tempfile.TemporaryFile("w+") as out, \
            tempfile.TemporaryFile("w+") as err:
        # Files and a session: one that fails may leave children behind.
        program = subprocess.Popen(
            [*command, work.asked, str(count), work.child or folder / "tiny"],
            env=os.environ | {"BROOD_BENCH_GIB": str(work.gib)},
            stdout=out, stderr=err, start_new_session=True)
        try:
            code = program.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            code = "the time limit"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
        out.seek(0)
        err.seek(0)
        try:
            return json.load(out)
        except json.JSONDecodeError:
            return {"left_out": f"failed, ended with {code}: " +
                                err.read().strip()[-200:]}


def measure(programs, folder, works, rounds, quick):
    """results[work][peer] is a list of what the peer printed, one a round."""
    results = {work.name: {name: [] for name in programs} for work in works}
    for turn in range(rounds):
        for work in works:
            shorter = quick and work.name not in WHOLE
            count = work.count // (QUICK_DIVISOR if shorter else 1)
            names = list(programs)
            # Whoever comes after another finds its caches: turn the order.
            shift = turn * 5 % len(names)
            for name in names[shift:] + names[:shift]:
                seen = results[work.name][name]
                if not any("left_out" in each for each in seen):
                    seen.append(run(programs[name], folder, work, count))
                if sys.stderr.isatty():
                    print(f"\rround {turn + 1} of {rounds}: "
                          f"{work.name:18}{name:16}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return results


def values(result, what="seconds"):
    return [each[what] for each in result if what in each]


def ratio(result, base, what="seconds"):
    """The median of the rounds' ratios, or None."""
    pairs = [mine / other for mine, other in
             zip(values(result, what), values(base, what)) if other]
    return statistics.median(pairs) if pairs else None


def summary_of(works, peers, results):
    rows = []
    for work in works:
        of_work = results[work.name]
        for peer in peers:
            result = of_work[peer.name]
            seconds = values(result)
            row = {"work": work.name, "peer": peer.name}
            if seconds and len(seconds) == len(result):
                row |= {what: statistics.median(values(result, what))
                        for what in result[0]}
                row["to_raw"] = ratio(result, of_work.get("raw", []))
                row["to_brood"] = ratio(result, of_work.get("brood", []))
                row["processor_to_brood"] = ratio(
                    result, of_work.get("brood", []), "processor")
                row["spread"] = spread_of(seconds)
            else:
                row["left_out"] = next(
                    (each["left_out"] for each in result
                     if "left_out" in each), "not measured")
            rows.append(row)
    return rows


def print_times(works, peers, rows):
    found = {(row["work"], row["peer"]): row for row in rows}
    for work in works:
        print(f"\n{work.shown} ({work.unit})")
        print(f"{'':26} {'median':>12} {'to raw':>8} {'to brood':>8} "
              f"{'cpu to brood':>12} {'spread':>7}")
        for peer in peers:
            row = found[work.name, peer.name]
            if "left_out" in row:
                print(f"{peer.shown:26} {'-':>12}  {row['left_out'][:60]}")
                continue

            def shown(what, row=row):
                return f"{row[what]:.2f}" if row[what] else "-"

            print(f"{peer.shown:26} {work.figure(row['seconds']):>12} "
                  f"{shown('to_raw'):>8} {shown('to_brood'):>8} "
                  f"{shown('processor_to_brood'):>12} "
                  f"{row['spread']:>7.0%}{more_of(row)}")


def more_of(row):
    if "memory_kib" in row:
        return (f"  {row['memory_kib']:.2f} KiB, {row['descriptors']:.2f} "
                f"descriptors each; {row['threads']:.0f} threads in all")
    if "held" in row:
        return (f"  tick late by {row['tick_median'] * 1e6:.0f} us, "
                f"p99 {row['tick_p99'] * 1e6:.0f} us; a start holds "
                f"{row['held'] * 1e6:.0f} us, "
                f"p99 {row['held_p99'] * 1e6:.0f} us")
    return ""


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true",
                        help="two rounds, of a quarter of most works")
    parser.add_argument("--only", action="append", metavar="WORK",
                        choices=[work.name for work in WORKS])
    parser.add_argument("--peer", action="append", metavar="PEER",
                        choices=[peer.name for peer in PEERS],
                        help="raw and brood are always there")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--no-plots", action="store_true")
    return parser.parse_args()


def main():
    arguments = parse()
    folder = pathlib.Path(os.environ.get("BROOD_BENCH_DIR",
                                         ROOT / "build/release/bench"))
    if not (folder / "bench-brood").exists():
        sys.exit(f"run_peers.py: there is no {folder}/bench-brood; "
                 "./dev bench --peers builds it")
    wanted = [peer for peer in PEERS if not arguments.peer or
              peer.name in ("raw", "brood", *arguments.peer)]
    programs = {peer.name: peer.program(folder) for peer in wanted}
    for peer in wanted:
        if not programs[peer.name]:
            print(f"Left out: {peer.shown}, which needs {peer.package}")
    peers = [peer for peer in wanted if programs[peer.name]]
    programs = {peer.name: programs[peer.name] for peer in peers}
    works = [work for work in WORKS
             if not arguments.only or work.name in arguments.only]
    rounds = 2 if arguments.quick else max(arguments.rounds, 1)

    # So that the program of the moment is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    noise = Noise()
    results = measure(programs, folder, works, rounds, arguments.quick)
    rows = summary_of(works, peers, results)
    print_times(works, peers, rows)
    raw = [row["spread"] for row in rows
           if row["peer"] == "raw" and "spread" in row]
    verdict = noise.sentence(statistics.median(raw) if raw else 0)
    print("\n" + verdict)

    report = {"rounds": rounds, "quick": arguments.quick, "noise": verdict,
              "shown": {peer.name: peer.shown for peer in peers},
              "works": {work.name: [work.shown, work.unit]
                        for work in works},
              "summary": rows, "results": results}
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n",
                                  encoding="utf-8")
    if not (arguments.no_plots or arguments.only or arguments.peer):
        # The figures that the plots and the page show, without those of each
        # round.
        shown = {what: report[what] for what in report if what != "results"}
        (ROOT / "docs/performance/peers.json").write_text(
            json.dumps(shown, indent=1) + "\n", encoding="utf-8")
        draw(report, folder)


def draw(report, folder):
    """Has plot.py draw, with a Python that has matplotlib."""
    for name in (folder / "plots/bin/python", "python3", "/usr/bin/python3"):
        if shutil.which(name) and succeeds([name, "-c", "import matplotlib"]):
            subprocess.run([name, ROOT / "bench/plot.py",
                            ROOT / "docs/performance"],
                           input=json.dumps(report), text=True, check=True)
            return
    print("No plots: they need matplotlib (python3-matplotlib)")


if __name__ == "__main__":
    main()
