#!/usr/bin/env python3
"""Measures the program brood against its gates, on this machine, now.

    run_program.py [--rounds N] [--quick] [--only GATE]... [--json FILE]
                   [--markdown]

In each round each contender runs once, in an order that turns from round to
round; what is compared is compared within the round, and the median over the
rounds is what counts. Processor time is that of the whole command: of the
program, its guard and the jobs, as wait4(2) tells it. Memory is the peak of
brood's own two processes (VmHWM). What shows no difference between rounds is
done once: the memory of long runs.

The programs are looked for in BROOD_BENCH_DIR (default: build/release/bench)
and beside it, in ../cli.
"""

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time

from run import ROOT, Noise, spread_of

TRUE = "/bin/true"
# What the C loop gives it: with one word it reads the locale, to be ready to
# speak of it, and takes a fifth longer than with none.
ARGUMENT = "1000"
GB = 1_000_000_000
MIB = 1 << 20
TIME_LIMIT = 600  # seconds, of one command


class Row:
    """One line of the table; `met` is None where there is no target."""

    def __init__(self, gate, figure, target="", met=None):
        self.gate, self.figure, self.target, self.met = (gate, figure, target,
                                                         met)

    def cells(self):
        met = {None: "", True: "met", False: "missed"}[self.met]
        return [self.gate, self.figure, self.target, met]


class Peaks:
    """The peak memory of brood's two processes, looked at while they run."""

    NAMES = {"brood": "engine", "brood-guard": "guard"}

    def __init__(self, pid):
        self.found = {}
        self.pid, self.guard, self.ended = pid, None, threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.ended.wait(0.02):
            self.take(self.pid)
            if not self.guard:
                self.guard = self.child_named("brood-guard")
            if self.guard:
                self.take(self.guard)

    def take(self, pid):
        # By its name: before exec it is still a copy of ours.
        with contextlib.suppress(OSError):
            text = pathlib.Path(f"/proc/{pid}/status").read_text("ascii")
            lines = dict(line.split(":\t", 1) for line in text.splitlines())
            if "VmHWM" in lines and lines["Name"] in self.NAMES:
                self.found[self.NAMES[lines["Name"]]] = (
                    int(lines["VmHWM"].split()[0]) * 1024)

    def child_named(self, name):
        for each in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if each.isdigit():
                    stat = pathlib.Path(f"/proc/{each}/stat").read_text("utf-8")
                    if f"({name}) " in stat and \
                            int(stat.rsplit(")", 1)[1].split()[1]) == self.pid:
                        return int(each)
        return None

    def end(self):
        self.ended.set()
        self.thread.join()
        return self.found


def too_long(*_):
    raise TimeoutError


def run(command, *, stdin="/dev/null", stdout="/dev/null", watched=False,
        expected=0):
    """The seconds of the clock and of the processors that a command took."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    actions = [(os.POSIX_SPAWN_OPEN, 0, str(stdin), os.O_RDONLY, 0),
               (os.POSIX_SPAWN_OPEN, 1, str(stdout),
                os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)]
    command = [str(word) for word in command]
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TIME_LIMIT)
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], command, environment,
                         file_actions=actions)
    peaks = Peaks(pid) if watched else None
    try:
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - began
    except BaseException:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        raise
    finally:
        signal.alarm(0)
        memory = peaks.end() if peaks else {}
    if os.waitstatus_to_exitcode(status) != expected:
        sys.exit(f"run_program.py: {' '.join(command)[:200]} ended with "
                 f"{os.waitstatus_to_exitcode(status)}")
    return {"seconds": seconds, "memory": memory,
            "processor": usage.ru_utime + usage.ru_stime}


def show_progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:70}", end="" if text else "\r", file=sys.stderr)


def in_turn(rounds, contenders):
    """results[name] is a list with one measurement for each round."""
    results = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(rounds):
        # Whoever comes after another finds its caches: turn the order.
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            show_progress(f"round {turn + 1} of {rounds}: {name}")
            results[name].append(contenders[name]())
    show_progress("")
    return results


def each_round(function, *results):
    """The median of what the function makes of each round."""
    return statistics.median(function(*each) for each in zip(*results))


def middle(result, what="seconds"):
    return statistics.median(each[what] for each in result)


def speed(one, other):
    """How fast the other was, the one being 1."""
    return one["seconds"] / other["seconds"]


class Gates:
    """What is measured, each by a method that returns rows of the table."""

    def __init__(self, folder, scratch, rounds, quick):
        self.scratch, self.rounds, self.quick = scratch, rounds, quick
        self.brood = folder.parent / "cli/brood"
        self.tiny = folder / "tiny"
        self.c_jobs = folder / "c-jobs"
        self.xargs = shutil.which("xargs")
        self.parallel = shutil.which("parallel")
        self.raw = {}  # all measurements, for --json
        self.spreads = []

    def numbers(self, count):
        path = self.scratch / f"numbers-{count}"
        if not path.exists():
            path.write_text("".join(f"{i}\n" for i in range(1, count + 1)),
                            encoding="ascii")
        return path

    # --- many short jobs

    MODES = {"brood": ([], 60), "brood -u": (["-u"], 60),
             "brood --report": (["--report", "report"], 120)}

    def jobs(self):
        count = 500 if self.quick else 2000
        some = count // 5
        numbers = self.numbers(count)
        contenders = {}
        # The second has no C library and leaves the caches as they are.
        for job in (TRUE, self.tiny):
            name = pathlib.Path(job).name
            contenders[f"C loop: {name}"] = lambda job=job: run(
                [self.c_jobs, count, 2, job, ARGUMENT])
            for mode, (options, _) in self.MODES.items():
                command = [self.brood, "-j2",
                           *(self.scratch / word if word == "report" else word
                             for word in options), job]
                contenders[f"{mode}: {name}"] = \
                    lambda command=command: run(command, stdin=numbers)
        if self.xargs:
            contenders["xargs: true"] = lambda: run(
                [self.xargs, "-P2", "-n1", TRUE], stdin=numbers)
        if self.parallel:
            for name, jobs in [("parallel", some), ("parallel, one job", 1)]:
                contenders[name] = lambda jobs=jobs: run(
                    [self.parallel, "--will-cite", "-j2", TRUE],
                    stdin=self.numbers(jobs))
        results = self.raw["jobs"] = in_turn(self.rounds, contenders)
        for name in ("true", "tiny"):
            self.spreads.append(spread_of(
                [each["seconds"] for each in results[f"C loop: {name}"]]))
        rows = [row for mode in [*self.MODES, "xargs"] for row in
                self.beside_the_loop(mode, results, count)]
        if self.xargs:
            ratio = each_round(speed, results["brood: true"],
                               results["xargs: true"])
            rows.append(Row("brood: jobs/s, xargs -P2 = 1", f"{1 / ratio:.2f}"))
        if self.parallel:
            rows.append(self.beside_parallel(results, count, some))
        return [*self.of_the_loop(results, count), *rows]

    @staticmethod
    def of_the_loop(results, count):
        rows = []
        for name, shown in [("true", TRUE), ("tiny", "a tiny child")]:
            loop = results[f"C loop: {name}"]
            rows.append(Row(
                f"C loop: {count} times {shown}, 2 at once",
                f"{count / middle(loop):.0f} jobs/s, "
                f"{1e6 * middle(loop, 'processor') / count:.0f} us each"))
        return rows

    def beside_the_loop(self, mode, results, count):
        _, most = self.MODES.get(mode, (None, None))
        rows = []
        for name, shown in [("true", ""), ("tiny", ", a tiny child")]:
            mine = results.get(f"{mode}: {name}")
            if not mine:
                continue
            loop = results[f"C loop: {name}"]
            ratio = each_round(speed, loop, mine)
            more = each_round(lambda one, other: 1e6 / count * (
                other["processor"] - one["processor"]), loop, mine)
            # The aims are for what people run.
            aims = most is not None and name == "true"
            rows += [
                Row(f"{mode}: jobs/s, C loop = 1{shown}",
                    f"{ratio:.2f} ({count / middle(mine):.0f} jobs/s)",
                    ">= 0.95" if aims else "", ratio >= 0.95 if aims else None),
                Row(f"{mode}: processor time of a job beyond the C loop's"
                    f"{shown}", f"{more:.0f} us",
                    f"<= {most} us" if aims else "",
                    more <= most if aims else None)]
        return rows

    @staticmethod
    def beside_parallel(results, count, some):
        # Without its start, which so few jobs do not hide.
        ratio = each_round(
            lambda mine, its, its_start:
            (its["seconds"] - its_start["seconds"]) / (some - 1) /
            (mine["seconds"] / count),
            results["brood: true"], results["parallel"],
            results["parallel, one job"])
        return Row("brood: jobs/s, GNU parallel -j2 without its start = 1",
                   f"{ratio:.1f}", ">= 5", ratio >= 5)

    # --- one job

    def start_up(self):
        contenders = {
            "C loop": lambda: run([self.c_jobs, 1, 1, TRUE, ARGUMENT]),
            "brood": lambda: run([self.brood, TRUE, ":::", ARGUMENT]),
            "brood one": lambda: run([self.brood, "one", TRUE, ARGUMENT]),
            "brood --version": lambda: run([self.brood, "--version"])}
        if self.xargs:
            contenders["xargs"] = lambda: run(
                [self.xargs, "-n1", TRUE], stdin=self.numbers(1))
        times = 5 if self.quick else 20
        results = self.raw["start_up"] = in_turn(self.rounds * times,
                                                 contenders)
        loop = results["C loop"]
        # Single starts always differ; a round is so many of them.
        self.spreads.append(spread_of(
            [middle(loop[at:at + times])
             for at in range(0, len(loop), times)]))

        def later(name):
            return 1e3 * each_round(
                lambda one, other: other["seconds"] - one["seconds"], loop,
                results[name])

        rows = []
        for name in ["brood", "brood one", "xargs"]:
            if name in results:
                target = name != "xargs"
                rows.append(Row(f"{name}: one job, beyond the C loop with one",
                                f"{later(name):.1f} ms",
                                "<= 5 ms" if target else "",
                                later(name) <= 5 if target else None))
        alone = 1e3 * middle(results["brood --version"])
        return rows + [Row("brood --version", f"{alone:.1f} ms", "<= 5 ms",
                           alone <= 5)]

    # --- one job that writes much

    def output(self):
        size = GB // 4 if self.quick else GB
        # In memory where that can be: a disk is not what is measured.
        memory = pathlib.Path("/dev/shm")
        with tempfile.TemporaryDirectory(
                prefix="brood-bench-",
                dir=memory if os.access(memory, os.W_OK) else None) as there:
            file = pathlib.Path(there) / "output"
            return self.output_rows(size, file)

    def output_rows(self, size, file):
        def brood(mode, to, *options):
            return lambda: run([self.brood, *options, self.tiny, mode, ":::",
                                size], stdout=to, watched=True)

        def pipe(to):
            return lambda: run(
                ["/bin/sh", "-c", f'"$0" flood {size} | "$0" cat', self.tiny],
                stdout=to)

        contenders, wanted = {}, {}
        for to, where in [("/dev/null", "to /dev/null"),
                          (file, "to a file in memory")]:
            for name, least, does in [
                    ("a pipe, read and written by 64 KiB", None, pipe(to)),
                    ("brood -u", 1, brood("flood", to, "-u")),
                    ("brood", 1, brood("flood", to)),
                    ("brood --tag, lines of 128 bytes", 0.5,
                     brood("text", to, "--tag")),
                    ("brood --tag, lines of 8 bytes", None,
                     brood("flood", to, "--tag"))]:
                contenders[f"{name}, {where}"] = does
                wanted[f"{name}, {where}"] = least
        results = self.raw["output"] = in_turn(self.rounds, contenders)
        self.spreads.append(spread_of(
            [each["seconds"] for each in results[next(iter(wanted))]]))
        rows = []
        for name, least in wanted.items():
            speed = size / middle(results[name]) / GB
            rows.append(Row(f"{name}: {size / GB:g} GB",
                            f"{speed:.2f} GB/s",
                            f">= {least} GB/s" if least else "",
                            speed >= least if least else None))
        for who in ["engine", "guard"]:
            peak = max((each["memory"].get(who, 0)
                        for result in results.values() for each in result))
            rows.append(Row(f"peak memory of the {who} in all of these",
                            f"{peak / MIB:.1f} MiB", "< 32 MiB",
                            0 < peak < 32 * MIB))
        return rows

    # --- long runs

    def memory(self):
        divisor = 10 if self.quick else 1
        few, many = 10_000 // divisor, 100_000 // divisor
        lines = self.numbers(1_000_000 // divisor)
        report = self.scratch / "report"
        runs = {
            f"{few} jobs": ([self.brood, "--report", report, self.tiny],
                            self.numbers(few)),
            f"{many} jobs": ([self.brood, "--report", report, self.tiny],
                             self.numbers(many)),
            "-n 100": ([self.brood, "-n100", "--report", report, self.tiny],
                       lines),
            "xargs": ([self.brood, "xargs", "-n100", self.tiny], lines)}
        peaks, rows = {}, []
        for name, (command, numbers) in runs.items():
            show_progress(name)
            done = run(command, stdin=numbers, watched=True)
            self.raw.setdefault("memory", {})[name] = done
            peaks[name] = done["memory"].get("engine", 0), \
                done["memory"].get("guard", 0), done["seconds"]
            report.unlink(missing_ok=True)
        show_progress("")

        def words(name):
            engine, guard, seconds = peaks[name]
            # `brood xargs` has no guard.
            other = f", guard {guard / MIB:.1f}" if guard else ""
            return f"engine {engine / MIB:.1f}{other} MiB ({seconds:.1f} s)"

        least, most = peaks[f"{few} jobs"], peaks[f"{many} jobs"]
        flat = all(more <= 1.1 * less for less, more in
                   zip(least[:2], most[:2]))
        rows.append(Row(f"peak memory, {few:,} jobs with a report",
                        words(f"{few} jobs")))
        rows.append(Row(f"peak memory, {many:,} jobs with a report",
                        words(f"{many} jobs"),
                        f"within 1.1 of {few:,} jobs", flat))
        million = f"{1_000_000 // divisor:,}"
        for name, shown in [("-n 100", f"{million} lines, brood -n 100"),
                            ("xargs", f"{million} lines, brood xargs -n 100")]:
            rows.append(Row(f"peak memory, {shown}", words(name),
                            f"within 1.1 of {few:,} jobs",
                            all(more <= 1.1 * less for less, more in
                                zip(least[:2], peaks[name][:2]))))
        return rows

    # --- the record of a small job by a big engine

    def record(self):
        if not os.access("/usr/bin/time", os.X_OK):
            return [Row("peak memory in the record",
                        "not measured: needs the package time")]
        # All combinations with a list: the list stays in the engine's memory.
        big = self.scratch / "big"
        with big.open("w", encoding="ascii") as out:
            for i in range(300_000):
                out.write(f"{i:01000}\n")
        rows = []
        python = ["/usr/bin/python3", "-Sc", "pass"]
        for shown, job in [(TRUE, [TRUE]), ("Python", python)]:
            if os.access(job[0], os.X_OK):
                rows += self.record_rows(shown, job, big)
        big.unlink()
        return rows

    def record_rows(self, shown, job, big):
        report, said = self.scratch / "report", self.scratch / "said"
        done = run([self.brood, "-j1", "--halt", "now,done=20", "--report",
                    report, *job, "{#}", ":::", "x", "::::", big],
                   watched=True)
        with report.open(encoding="utf-8") as lines:
            told = [each["maxrss"] for each in map(json.loads, lines)
                    if "maxrss" in each]
        report.unlink()
        truth = []
        for _ in range(20):
            run(["/usr/bin/time", "-o", said, "-f", "%M", *job, "1"])
            truth.append(int(said.read_text(encoding="ascii")) * 1024)
        told, truth = statistics.median(told), statistics.median(truth)
        engine = done["memory"].get("engine", 0)
        self.raw.setdefault("record", {})[shown] = {
            "told": told, "time": truth, "memory": done["memory"]}
        return [Row(f"peak memory recorded of {shown}, engine of "
                    f"{engine / MIB:.0f} MiB",
                    f"{told / MIB:.1f} MiB, time -v {truth / MIB:.1f} MiB",
                    "within 10 %", abs(told - truth) <= 0.1 * truth)]


GATES = ["jobs", "start_up", "output", "memory", "record"]


def print_table(rows, markdown):
    cells = [["gate", "figure", "target", ""]] + [each.cells() for each in rows]
    if markdown:
        cells[0][3] = "met"
        cells.insert(1, ["---", "--:", "--:", "---"])
        for line in cells:
            print("| " + " | ".join(line) + " |")
        return
    widths = [max(len(line[i]) for line in cells) for i in range(4)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in
                        zip(line, widths)).rstrip())


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true",
                        help="three rounds of less work")
    parser.add_argument("--only", action="append", metavar="GATE",
                        choices=GATES, help="one of " + ", ".join(GATES))
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--markdown", action="store_true",
                        help="print the table as the documentation has it")
    return parser.parse_args()


def main():
    arguments = parse()
    folder = pathlib.Path(os.environ.get("BROOD_BENCH_DIR",
                                         ROOT / "build/release/bench"))
    if not (folder / "c-jobs").exists():
        sys.exit(f"run_program.py: there is no {folder}/c-jobs; "
                 "./dev bench --program builds it")
    rounds = 3 if arguments.quick else max(arguments.rounds, 1)
    # So that what runs at the moment is ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    noise, rows = Noise(), []
    with tempfile.TemporaryDirectory(prefix="brood-bench-") as scratch:
        os.environ["HOME"] = scratch  # where GNU parallel keeps its files
        gates = Gates(folder, pathlib.Path(scratch), rounds, arguments.quick)
        for name in GATES:
            if not arguments.only or name in arguments.only:
                rows += getattr(gates, name)()
    for missing in [each for each in ("xargs", "parallel")
                    if not shutil.which(each)]:
        print(f"Left out: {missing}, which is not here")
    print_table(rows, arguments.markdown)
    verdict = (noise.sentence(statistics.median(gates.spreads))
               if gates.spreads else
               "What was measured does not tell how noisy the machine was.")
    print("\n" + verdict)
    if arguments.json:
        arguments.json.write_text(json.dumps(
            {"rounds": rounds, "quick": arguments.quick, "noise": verdict,
             "table": [each.cells() for each in rows],
             "results": gates.raw}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
