#!/usr/bin/env python3
"""Measures brood beside bare system calls, on this machine, now.

    run.py [--rounds N] [--quick] [--only WORK]... [--json FILE] [--check]

In each round each work is done once by bench-raw and once by bench-brood, in
turn. The ratio of the two is taken in each round, and the median of these
ratios is what counts: the machine may be slow or busy, but it is so for both.
Absolute figures are for orientation only.

With --check the ratios are held against bench/baseline.json, which a run with
--json has written: exit code 1 when brood has fallen behind in the clock and
in processor time. Both, and by much, since the machine that checks may be busy.

The programs are looked for in BROOD_BENCH_DIR (default: build/release/bench).
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BASELINE = pathlib.Path(__file__).with_name("baseline.json")
MIB = 1 << 20


class Work:
    """One thing to measure: its name, what the programs are asked to do,
    size, unit, the child where it is not the tiny one, how many GiB the
    parent touches before, the pipe of the raw loop, and whether all run
    on one processor."""

    def __init__(self, name, shown, count, unit, target=None, *, asked=None,
                 child=None, gib=0, raw_pipe=0, pinned=False):
        self.name, self.shown, self.count = name, shown, count
        self.unit, self.target = unit, target
        self.asked, self.child = asked or name, child
        self.gib, self.raw_pipe, self.pinned = gib, raw_pipe, pinned

    def figure(self, seconds):
        """The seconds of one child, byte or line, as people read them."""
        if self.unit == "us":
            return f"{seconds * 1e6:.1f} us"
        if self.unit == "GB/s":
            return f"{1e-9 / seconds:.2f} GB/s"
        return f"{1e-6 / seconds:.1f} M/s"


WORKS = [
    Work("spawn_wait_true", "start and wait, /bin/true", 400, "us", 1.15,
         asked="spawn_wait", child="/bin/true"),
    Work("spawn_wait", "start and wait, tiny child", 2000, "us", 1.15),
    Work("spawn_wait_pinned", "the same, all on one processor", 2000, "us",
         1.15, asked="spawn_wait", pinned=True),
    Work("spawn_communicate", "start and communicate", 1500, "us", 1.2),
    Work("in_flight", "start and wait, 64 in flight", 1500, "us", 1.0),
    Work("jobs", "2,000 jobs of /bin/true, 2 at once", 2000, "us", 1.05,
         asked="two_in_flight", child="/bin/true"),
    Work("read_some", "read", 1024 * MIB, "GB/s", 0.4),
    Work("read_some_large", "read, raw with a pipe of 1 MiB", 1024 * MIB,
         "GB/s", 1.05, asked="read_some", raw_pipe=MIB),
    Work("read_all", "communicate", 256 * MIB, "GB/s", 1.05),
    Work("duplex", "both ways through cat", 256 * MIB, "GB/s", 1.05),
    Work("pass_on", "from one child to another", 512 * MIB, "GB/s", 1.05),
    Work("buffered_lines", "lines of 8 bytes, buffered_lines", 5_000_000,
         "M/s", 1.1),
    Work("try_readline", "lines of 8 bytes, try_readline", 5_000_000, "M/s"),
    Work("readline", "lines of 8 bytes, one co_await each", 5_000_000,
         "M/s", 2.0),
]
ALIVE = Work("alive", "children that just live", 2000, "us")


class Noise:
    """How much of the machine others had meanwhile."""

    def __init__(self):
        self.load = os.getloadavg()[0]
        self.began = self.processor_times()

    @staticmethod
    def processor_times():
        with open("/proc/stat", encoding="ascii") as lines:
            return [int(word) for word in lines.readline().split()[1:9]]

    def sentence(self, spread):
        spent = [after - before for before, after in
                 zip(self.began, self.processor_times())]
        total = max(sum(spent), 1)
        idle = 100 * (spent[3] + spent[4]) / total
        stolen = 100 * spent[7] / total
        if spread < 0.1:
            verdict = "quiet"
        elif spread < 0.3:
            verdict = "a little noisy: trust the ratios to about a tenth"
        else:
            verdict = "noisy: look at the processor ratios, and measure again"
        return (
            f"The machine ({os.cpu_count()} processors) was {verdict}. "
            f"Load {self.load:.1f} before and {os.getloadavg()[0]:.1f} after, "
            f"{idle:.0f} % idle, {stolen:.0f} % stolen by its host; the raw "
            f"loops themselves differed by {100 * spread:.0f} % between "
            "rounds (median of the works' interquartile ranges).")


def run(folder, which, work, count):
    command = [folder / f"bench-{which}", work.asked, str(count),
               work.child or folder / "tiny"]
    if work.pinned:
        first = min(os.sched_getaffinity(0))
        command = ["taskset", "-c", str(first)] + command
    environment = dict(os.environ)
    if which == "raw" and work.raw_pipe:
        environment["BROOD_BENCH_RAW_PIPE"] = str(work.raw_pipe)
    done = subprocess.run(command, check=True, text=True, env=environment,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def spread_of(values):
    """The interquartile range, as a part of the median."""
    if len(values) < 4:
        return (max(values) - min(values)) / statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / statistics.median(values)


def measure(folder, works, rounds, divisor):
    results = {work.name: {"raw": [], "brood": []} for work in works}
    for turn in range(rounds):
        for work in works:
            count = max(work.count // divisor, 100)
            # Whoever is second finds warm caches: take turns.
            order = ["raw", "brood"] if turn % 2 == 0 else ["brood", "raw"]
            for which in order:
                results[work.name][which].append(
                    run(folder, which, work, count))
            if sys.stderr.isatty():
                print(f"\rround {turn + 1} of {rounds}: {work.name:20}",
                      end="", file=sys.stderr)
    if sys.stderr.isatty():
        print("\r" + " " * 50 + "\r", end="", file=sys.stderr)
    return results


def summary_of(work, result):
    def values(which, what):
        return [each[what] for each in result[which]]

    def ratio(what):
        return [brood / raw if raw else float("nan")
                for raw, brood in zip(values("raw", what),
                                      values("brood", what))]

    return {
        "work": work.name,
        "raw_seconds": statistics.median(values("raw", "seconds")),
        "brood_seconds": statistics.median(values("brood", "seconds")),
        "ratio": statistics.median(ratio("seconds")),
        "ratio_spread": spread_of(ratio("seconds")),
        "processor_ratio": statistics.median(ratio("processor")),
        "raw_spread": spread_of(values("raw", "seconds")),
        "target": work.target,
    }


def print_table(works, summaries):
    print(f"{'':36} {'raw':>10} {'brood':>10} {'ratio':>6} {'spread':>7} "
          f"{'cpu ratio':>9}")
    for work, summary in zip(works, summaries):
        aim = f"  (aim: {work.target})" if work.target else ""
        print(f"{work.shown:36} {work.figure(summary['raw_seconds']):>10} "
              f"{work.figure(summary['brood_seconds']):>10} "
              f"{summary['ratio']:>6.2f} {summary['ratio_spread']:>6.0%} "
              f"{summary['processor_ratio']:>9.2f}{aim}")


def print_alive(result):
    print(f"\n{ALIVE.count} living children, per child:")
    for which in ("raw", "brood"):
        each = result[which][-1]
        print(f"  {which:6} {each['memory_kib']:6.2f} KiB of memory, "
              f"{each['descriptors']:.2f} descriptors; {each['threads']} "
              f"thread(s) in all; {each['seconds'] * 1e6:.0f} us to start")


# How much worse than the baseline is a regression, and not the machine.
SLACK = {"ratio": 1.7, "processor_ratio": 1.4}


def fallen_behind(summaries, baseline):
    """A line for each work that is far worse than it was."""
    before = {each["work"]: each for each in baseline["summary"]}
    found = []
    for now in summaries:
        then = before.get(now["work"])
        if then is None:
            found.append(f"{now['work']}: not in bench/baseline.json; "
                         "write it anew with --json")
        # Where brood was ahead, by luck of who shared a processor with whom,
        # being level is no fault.
        elif all(now[what] > max(then[what], 1) * slack
                 for what, slack in SLACK.items()):
            found.append(
                f"{now['work']}: {now['ratio']:.2f} times raw by the clock, "
                f"{now['processor_ratio']:.2f} by processor time; it was "
                f"{then['ratio']:.2f} and {then['processor_ratio']:.2f}")
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true",
                        help="three rounds of a quarter of the work")
    parser.add_argument("--only", action="append", metavar="WORK",
                        choices=[work.name for work in WORKS])
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--check", action="store_true",
                        help="fail where it is far worse than it was")
    arguments = parser.parse_args()

    folder = pathlib.Path(os.environ.get("BROOD_BENCH_DIR",
                                         ROOT / "build/release/bench"))
    if not (folder / "bench-brood").exists():
        sys.exit(f"run.py: there is no {folder}/bench-brood; "
                 "./dev bench builds it")
    rounds = 3 if arguments.quick else max(arguments.rounds, 1)
    works = [work for work in WORKS
             if not arguments.only or work.name in arguments.only]

    noise = Noise()
    results = measure(folder, works, rounds, 4 if arguments.quick else 1)
    summaries = [summary_of(work, results[work.name]) for work in works]
    print_table(works, summaries)
    if not arguments.only:
        results |= measure(folder, [ALIVE], 1, 1)
        print_alive(results["alive"])
    verdict = noise.sentence(
        statistics.median(each["raw_spread"] for each in summaries))
    print("\n" + verdict)
    if arguments.json:
        arguments.json.write_text(json.dumps(
            {"rounds": rounds, "noise": verdict, "summary": summaries,
             "results": results}, indent=1) + "\n", encoding="utf-8")
    if arguments.check:
        baseline = json.loads(BASELINE.read_text(encoding="utf-8"))
        found = fallen_behind(summaries, baseline)
        for line in found:
            print("fallen behind: " + line)
        sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
