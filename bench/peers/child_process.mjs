// child_process.mjs: the works with Node's child_process.
//
// node child_process.mjs WORK COUNT TINY; see ../measure.hpp.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';

const blockSize = 64 * 1024;
const lineSize = 8;
const childrenInFlight = 64;
const fewInFlight = 2;
const stallInFlight = 16;
const tick = 1e-3;

const now = () => performance.now() / 1e3;

function check(good, what) {
  if (!good)
    throw new Error(`${what} is not as it should be`);
}

function at(values, part) {
  values.sort((a, b) => a - b);
  return values[Math.floor(part * (values.length - 1))] ?? 0;
}

// Node tells the time of its own process only; that of its children is in
// /proc, in ticks of a hundredth of a second.
function processor() {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  const words = readFileSync('/proc/self/stat', 'ascii').split(') ')[1];
  const [user, system] = words.split(' ').slice(13, 15).map(Number);
  return (userCPUTime + systemCPUTime) / 1e6 + (user + system) / 100;
}

class Stopwatch {
  constructor() {
    this.began = this.lapBegan = now();
    this.used = processor();
    this.laps = [];
  }
  lap() {
    const ended = now();
    this.laps.push(ended - this.lapBegan);
    this.lapBegan = ended;
  }
  report(count, more = {}) {
    const seconds = this.laps.length ?
      at(this.laps, 0.5) : (now() - this.began) / count;
    const used = (processor() - this.used) / count;
    console.log(JSON.stringify({ seconds, processor: used, ...more }));
  }
}

const start = (args, stdio = 'inherit') =>
  spawn(args[0], args.slice(1), { stdio });
const inherit = 'inherit';
const pipe = 'pipe';

// Both its exit and the end of its streams.
async function ended(child) {
  const [code] = await once(child, 'close');
  check(code === 0, 'a child');
}

async function spawn_wait(tiny, count) {
  const watch = new Stopwatch();
  for (let i = 0; i < count; ++i) {
    await ended(start([tiny]));
    watch.lap();
  }
  watch.report(count);
}

async function communicate(args) {
  const child = start(args, [inherit, pipe, inherit]);
  const chunks = [];
  child.stdout.on('data', (chunk) => chunks.push(chunk));
  await ended(child);
  return Buffer.concat(chunks);
}

async function spawn_communicate(tiny, count) {
  const watch = new Stopwatch();
  for (let i = 0; i < count; ++i) {
    const out = await communicate([tiny, 'line']);
    check(out.length === lineSize, 'the output');
    watch.lap();
  }
  watch.report(count);
}

async function read_all(tiny, bytes) {
  const watch = new Stopwatch();
  const out = await communicate([tiny, 'flood', String(bytes)]);
  watch.report(bytes);
  check(out.length === bytes, 'the output');
}

async function many(tiny, count, atOnce) {
  const watch = new Stopwatch();
  let left = count;
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (left-- > 0)
      await ended(start([tiny]));
  }));
  watch.report(count);
}

async function feed(to, bytes) {
  const block = Buffer.alloc(blockSize, 'x');
  for (; bytes > 0; bytes -= blockSize)
    if (!to.write(block))
      await once(to, 'drain');
  to.end();
}

async function read_some(tiny, bytes) {
  const watch = new Stopwatch();
  let total = 0;
  const child = start([tiny, 'flood', String(bytes)],
    [inherit, pipe, inherit]);
  child.stdout.on('data', (chunk) => { total += chunk.length; });
  await ended(child);
  watch.report(bytes);
  check(total === bytes, 'the output');
}

async function write_some(tiny, bytes) {
  const watch = new Stopwatch();
  const child = start([tiny, 'sink'], [pipe, inherit, inherit]);
  await Promise.all([feed(child.stdin, bytes), ended(child)]);
  watch.report(bytes);
}

async function duplex(tiny, bytes) {
  const watch = new Stopwatch();
  let total = 0;
  const child = start([tiny, 'cat'], [pipe, pipe, inherit]);
  child.stdout.on('data', (chunk) => { total += chunk.length; });
  await Promise.all([feed(child.stdin, bytes), ended(child)]);
  watch.report(bytes);
  check(total === bytes, 'the output');
}

async function readline(tiny, count) {
  const watch = new Stopwatch();
  let seen = 0;
  const child = start([tiny, 'lines', String(count)],
    [inherit, pipe, inherit]);
  const closed = ended(child);
  createInterface({ input: child.stdout }).on('line', () => { ++seen; });
  await closed;
  watch.report(count);
  check(seen === count, 'the lines');
}

function footprint() {
  const status = readFileSync('/proc/self/status', 'ascii');
  return {
    memory: Number(/RssAnon:\s*(\d+)/.exec(status)[1]),
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
  };
}

async function alive(tiny, count) {
  await ended(start([tiny]));
  const before = footprint();
  const watch = new Stopwatch();
  const children = [];
  for (let i = 0; i < count; ++i) {
    children.push(start([tiny, 'pause']));
    watch.lap();
  }
  const seen = footprint();
  watch.report(count, {
    memory_kib: (seen.memory - before.memory) / count,
    descriptors: (seen.descriptors - before.descriptors) / count,
    threads: seen.threads,
  });
  const all = children.map((child) => once(child, 'close'));
  children.forEach((child) => child.kill('SIGKILL'));
  await Promise.all(all);
}

async function stall(tiny, count) {
  const late = [];
  const held = [];
  let last = now();
  let timer;
  const ticked = () => {
    late.push(Math.max(0, now() - last - tick));
    last = now();
    timer = setTimeout(ticked, 1);
  };
  timer = setTimeout(ticked, 1);
  const watch = new Stopwatch();
  await Promise.all(Array.from({ length: stallInFlight }, async () => {
    for (let i = 0; i < Math.floor(count / stallInFlight); ++i) {
      const began = now();
      const child = start([tiny]);
      held.push(now() - began);
      await ended(child);
    }
  }));
  // A loop that never got to its last tick is late, too.
  if (now() - last > tick)
    ticked();
  clearTimeout(timer);
  watch.report(count, {
    tick_median: at(late, 0.5), tick_p99: at(late, 0.99),
    tick_longest: at(late, 1),
    held: at(held, 0.5), held_p99: at(held, 0.99),
  });
}

const works = {
  spawn_wait, spawn_communicate, read_some, read_all, write_some, duplex,
  readline, alive, stall,
  in_flight: (tiny, count) => many(tiny, count, childrenInFlight),
  two_in_flight: (tiny, count) => many(tiny, count, fewInFlight),
};

const [name, count, tiny] = process.argv.slice(2);
if (!tiny || !(name in works)) {
  console.error('usage: node child_process.mjs WORK COUNT TINY');
  process.exit(2);
}
// One buffer cannot be that large everywhere.
const ballast = Array.from(
  { length: Number(process.env.BROOD_BENCH_GIB ?? 0) },
  () => Buffer.alloc(2 ** 30, 1));
await works[name](tiny, Number(count));
check(ballast.every((each) => each[0] === 1), 'the memory');
