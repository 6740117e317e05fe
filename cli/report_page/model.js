'use strict';

// What is shown: the jobs of the report, and how their values are written.

addEventListener('error', event => {
  document.documentElement.dataset.error = event.message;
});

// Never by colour alone: each has a mark, a word and a pattern.
const kinds = {
  ok: {mark: '✓', word: 'ok'},
  failed: {mark: '✗', word: 'failed'},
  slow: {mark: '◔', word: 'timed out'},
  off: {mark: '–', word: 'canceled or skipped'},
};

const kindOfStatus = {
  ok: 'ok',
  exit: 'failed',
  signal: 'failed',
  output: 'failed',
  spawn: 'failed',
  timeout: 'slow',
  idle: 'slow',
  canceled: 'off',
  skipped: 'off',
};

function readReport() {
  const data = JSON.parse(document.getElementById('data').textContent);
  const jobs = data.jobs.map((row, index) => {
    const job = {index};
    data.columns.forEach((name, at) => { job[name] = row[at]; });
    job.kind = kindOfStatus[job.status] || 'failed';
    job.cpu = job.user + job.sys;
    job.end = job.start + job.wall;
    job.label = job.name || job.command;
    job.outcome = job.outcome || 'ok';
    job.ran = job.status !== 'skipped' && job.start > 0;
    job.text = null;
    return job;
  });
  // A resumed run speaks again of what failed before: its word counts.
  const last = new Map();
  for (const job of jobs) {
    if (!job.final)
      continue;
    if (last.has(job.seq))
      last.get(job.seq).final = 0;
    last.set(job.seq, job);
  }
  const ran = jobs.filter(job => job.ran);
  let from = Infinity;
  let to = -Infinity;
  for (const job of ran) {
    from = Math.min(from, job.start);
    to = Math.max(to, job.end);
  }
  if (!ran.length)
    from = to = data.runs.length ? data.runs[0].start : 0;
  else if (data.runs.length)
    from = Math.min(from, data.runs[0].start);
  return {...data, jobs, ran, from, to, finals: [...last.values()]};
}

function durationText(seconds) {
  if (!(seconds > 0))
    return '0 s';
  if (seconds < 0.0095)
    return (seconds * 1e3).toFixed(1) + ' ms';
  if (seconds < 0.9995)
    return (seconds * 1e3).toFixed(0) + ' ms';
  if (seconds < 99.95)
    return seconds.toFixed(seconds < 9.995 ? 2 : 1) + ' s';
  const whole = Math.round(seconds);
  const two = value => String(value).padStart(2, '0');
  if (whole < 3600)
    return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

function sizeText(bytes) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit + 1 < units.length) {
    value /= 1000;
    ++unit;
  }
  return value.toFixed(unit > 0 && value < 9.95 ? 1 : 0) + ' ' + units[unit];
}

function countText(count, noun) {
  return count.toLocaleString('en') + ' ' + noun + (count === 1 ? '' : 's');
}

// An element with its properties and children; text stays text.
function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name in element && !name.startsWith('aria'))
      element[name] = value;
    else
      element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null));
  return element;
}

function byId(id) {
  return document.getElementById(id);
}

function resultElement(job) {
  const shown = job.status === 'ok' ? 'ok' : job.outcome;
  const element = make('span', {className: `result ${job.kind}`});
  element.append(make('span', {'aria-hidden': 'true'},
                      kinds[job.kind].mark + ' '), shown);
  return element;
}

// Everything that is known of a job, for the card and the rows that open.
function detailOf(job) {
  const facts = [
    ['Elapsed', durationText(job.wall)],
    ['CPU', `${durationText(job.user)} user, ${durationText(job.sys)} system`],
    ['Peak memory', job.maxrss ? sizeText(job.maxrss) +
        (job.maxrssKind === 'process' ? ' (largest process)' : ' in all')
      : 'not known'],
    ['Slot', String(job.slot)],
  ];
  // Nothing is said of what went past brood, or (on a terminal) was not apart.
  if (job.outBytes !== null)
    facts.push(['Output', sizeText(job.outBytes) + (job.errBytes === null ? ''
      : `, ${sizeText(job.errBytes)} of errors`)]);
  if (job.ran)
    facts.push(['Started', `after ${durationText(job.start - report.from)}`]);
  if (job.queued >= 0.001)
    facts.push(['Waited', durationText(job.queued)]);
  if (job.attempt > 1 || !job.final)
    facts.push(['Attempt', job.attempt + (job.final ? '' : ', not the last')]);
  if (job.cwd)
    facts.push(['Folder', job.cwd]);
  if (job.leftover)
    facts.push(['Left running', job.leftover]);
  if (job.notes)
    facts.push(['Note', job.notes.trim()]);
  const list = make('dl', {className: 'facts'});
  for (const [name, value] of facts)
    list.append(make('div', {}, make('dt', {}, name), make('dd', {}, value)));
  const parts = [
    make('div', {className: 'command'}, job.command),
    list,
  ];
  if (job.tail)
    parts.push(make('pre', {tabIndex: 0, role: 'region',
                            'aria-label': 'The end of its stderr'}, job.tail));
  return parts;
}

const report = readReport();
