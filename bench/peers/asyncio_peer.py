#!/usr/bin/env python3
"""The works with asyncio's subprocesses.

    asyncio_peer.py default|pidfd|uvloop WORK COUNT TINY

default is how asyncio comes (Python 3.11: one thread for each child), pidfd
has asyncio's PidfdChildWatcher, uvloop is uvloop's event loop. For what is
printed see ../measure.hpp.
"""

import asyncio
import json
import os
import resource
import statistics
import sys
import time

BLOCK_SIZE = 64 * 1024
LINE_SIZE = 8
CHILDREN_IN_FLIGHT = 64
FEW_IN_FLIGHT = 2
STALL_IN_FLIGHT = 16
TICK = 1e-3
PIPE = asyncio.subprocess.PIPE

create = asyncio.create_subprocess_exec
now = time.perf_counter


def check(good, what):
    if not good:
        sys.exit(f"{what} is not as it should be")


def part_of(values, part):
    return sorted(values)[int(part * (len(values) - 1))] if values else 0


def processor():
    return sum(sum(resource.getrusage(who)[:2]) for who in
               (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


class Stopwatch:
    def __init__(self):
        self.began = self.lap_began = now()
        self.used = processor()
        self.laps = []

    def lap(self):
        ended = now()
        self.laps.append(ended - self.lap_began)
        self.lap_began = ended

    def report(self, count, **more):
        seconds = (statistics.median(self.laps) if self.laps
                   else (now() - self.began) / count)
        used = (processor() - self.used) / count
        print(json.dumps({"seconds": seconds, "processor": used} | more))


async def run_one(tiny):
    child = await create(tiny)
    check(await child.wait() == 0, "a child")


async def spawn_wait(tiny, count):
    watch = Stopwatch()
    for _ in range(count):
        await run_one(tiny)
        watch.lap()
    watch.report(count)


async def spawn_communicate(tiny, count):
    watch = Stopwatch()
    for _ in range(count):
        child = await create(tiny, "line", stdout=PIPE)
        out, _ = await child.communicate()
        check(len(out) == LINE_SIZE and child.returncode == 0, "the output")
        watch.lap()
    watch.report(count)


async def many(tiny, count, at_once):
    watch = Stopwatch()
    room = asyncio.Semaphore(at_once)

    async def one():
        async with room:
            await run_one(tiny)

    await asyncio.gather(*(one() for _ in range(count)))
    watch.report(count)


async def in_flight(tiny, count):
    await many(tiny, count, CHILDREN_IN_FLIGHT)


async def two_in_flight(tiny, count):
    await many(tiny, count, FEW_IN_FLIGHT)


async def count_bytes(reader):
    total = 0
    while some := await reader.read(BLOCK_SIZE):
        total += len(some)
    return total


async def feed(writer, size):
    block = b"x" * BLOCK_SIZE
    for _ in range(0, size, BLOCK_SIZE):
        writer.write(block)
        await writer.drain()
    writer.close()


async def read_some(tiny, size):
    watch = Stopwatch()
    child = await create(tiny, "flood", str(size), stdout=PIPE)
    total = await count_bytes(child.stdout)
    await child.wait()
    watch.report(size)
    check(total == size, "the output")


async def read_all(tiny, size):
    watch = Stopwatch()
    child = await create(tiny, "flood", str(size), stdout=PIPE)
    out, _ = await child.communicate()
    watch.report(size)
    check(len(out) == size, "the output")


async def write_some(tiny, size):
    watch = Stopwatch()
    child = await create(tiny, "sink", stdin=PIPE)
    await feed(child.stdin, size)
    await child.wait()
    watch.report(size)


async def duplex(tiny, size):
    watch = Stopwatch()
    child = await create(tiny, "cat", stdin=PIPE, stdout=PIPE)
    _, total = await asyncio.gather(feed(child.stdin, size),
                                    count_bytes(child.stdout))
    await child.wait()
    watch.report(size)
    check(total == size, "the output")


async def readline(tiny, count):
    watch = Stopwatch()
    child = await create(tiny, "lines", str(count), stdout=PIPE)
    seen = 0
    async for _ in child.stdout:
        seen += 1
    await child.wait()
    watch.report(count)
    check(seen == count, "the lines")


def footprint():
    with open("/proc/self/status", encoding="ascii") as status:
        memory = next(int(line.split()[1]) for line in status
                      if line.startswith("RssAnon:"))
    return (memory, len(os.listdir("/proc/self/fd")),
            len(os.listdir("/proc/self/task")))


async def alive(tiny, count):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    await run_one(tiny)
    memory, descriptors, _ = footprint()
    watch = Stopwatch()
    children = []
    for _ in range(count):
        children.append(await create(tiny, "pause"))
        watch.lap()
    seen = footprint()
    watch.report(count, memory_kib=(seen[0] - memory) / count,
                 descriptors=(seen[1] - descriptors) / count, threads=seen[2])
    for child in children:
        child.kill()
    await asyncio.gather(*(child.wait() for child in children))


class Held:
    """Awaits a coroutine, and notes how long its first step held the loop."""

    def __init__(self, coroutine, times):
        self.coroutine, self.times = coroutine, times

    def __await__(self):
        steps = self.coroutine.__await__()
        began = now()
        first = next(steps)
        self.times.append(now() - began)
        yield first
        return (yield from steps)


async def stall(tiny, count):
    late, held = [], []

    async def tick():
        while True:
            last = now()
            await asyncio.sleep(TICK)
            late.append(max(0, now() - last - TICK))

    async def start():
        for _ in range(count // STALL_IN_FLIGHT):
            child = await Held(create(tiny), held)
            await child.wait()

    watch = Stopwatch()
    ticker = asyncio.create_task(tick())
    await asyncio.gather(*(start() for _ in range(STALL_IN_FLIGHT)))
    ticker.cancel()
    watch.report(count, tick_median=part_of(late, 0.5),
                 tick_p99=part_of(late, 0.99), tick_longest=part_of(late, 1),
                 held=part_of(held, 0.5), held_p99=part_of(held, 0.99))


WORKS = {work.__name__: work for work in (
    spawn_wait, spawn_communicate, in_flight, two_in_flight, read_some,
    read_all, write_some, duplex, readline, alive, stall)}


def main():
    if len(sys.argv) != 5 or sys.argv[2] not in WORKS:
        sys.exit(__doc__)
    _, loop, work, count, tiny = sys.argv
    if loop == "uvloop":
        import uvloop
        uvloop.install()
    elif loop == "pidfd":
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    ballast = bytearray(int(os.environ.get("BROOD_BENCH_GIB", 0)) << 30)
    ballast[::4096] = b"x" * len(ballast[::4096])
    asyncio.run(WORKS[work](tiny, int(count)))


if __name__ == "__main__":
    main()
