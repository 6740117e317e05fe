// The parts of the page made of text: totals, failures, slowest jobs, table.

function showHead() {
  const run = report.runs[report.runs.length - 1];
  byId('title').textContent = run ? run.command : 'A report without a start';
  byId('title').title = run ? run.command : '';
  if (!run)
    return;
  const date = new Date(report.from * 1000);
  const time = make('time', {dateTime: date.toISOString()},
    date.toLocaleString(undefined, {dateStyle: 'long', timeStyle: 'medium'}));
  byId('subtitle').append(time, ` · ${run.host} · ${run.cwd}`);
  document.title = run.command.slice(0, 80) + ' – brood report';
  byId('footer').textContent =
    `Made by brood ${run.version}. Times are in your time zone.`;
}

function showBanner() {
  const words = [];
  if (report.cutOff)
    words.push('This run has no end: it was killed, or was still going on ' +
               'when the page was made. What had ended by then is shown.');
  for (const end of report.ends)
    if (end.halted)
      words.push(`Ended early: ${end.halted}.`);
  if (report.runs.length > 1)
    words.push(`${report.runs.length} runs, each going on where the one ` +
               'before ended.');
  byId('banner').hidden = !words.length;
  byId('banner').textContent = words.join(' ');
}

function showTotals() {
  const count = {ok: 0, failed: 0, slow: 0, off: 0};
  for (const job of report.finals)
    ++count[job.kind];
  const elapsed = report.to - report.from;
  let busy = 0;
  let cpu = 0;
  let largest = null;
  for (const job of report.ran) {
    busy += job.wall;
    cpu += job.cpu;
    if (!largest || job.maxrss > largest.maxrss)
      largest = job;
  }
  const number = value => value.toLocaleString('en');
  const all = report.finals.length;
  const retried = report.jobs.length - all;
  const part = value => all ? `${Math.round(value / all * 1000) / 10} %` : '';
  const tiles = [['Jobs', number(all),
                  retried ? countText(retried, 'more attempt') : '']];
  for (const kind of Object.keys(kinds))
    if (kind === 'ok' || kind === 'failed' || count[kind])
      tiles.push([kinds[kind].word, number(count[kind]), part(count[kind]),
                  kind]);
  tiles.push(
    ['Elapsed', durationText(elapsed),
     elapsed > 0 ? `${(busy / elapsed).toFixed(1)} jobs at a time` : ''],
    ['CPU time', durationText(cpu),
     elapsed > 0 ? `${(cpu / elapsed).toFixed(1)} cores in use` : ''],
    ['Largest process', largest ? sizeText(largest.maxrss) : 'not known',
     largest ? `job ${largest.seq}` : '']);
  for (const [name, value, small, kind] of tiles) {
    const title = make('dt', {}, name[0].toUpperCase() + name.slice(1));
    const shown = make('dd', {});
    if (kind && value !== '0')
      shown.append(make('span', {className: `result ${kind}`,
                                 'aria-hidden': 'true'},
                        kinds[kind].mark + ' '));
    shown.append(value);
    if (small)
      shown.append(make('small', {}, small));
    byId('totals').append(make('div', {}, title, shown));
  }
}

function showLegend() {
  const used = new Set(report.ran.map(job => job.kind));
  for (const [kind, {word}] of Object.entries(kinds))
    if (used.has(kind))
      byId('legend').append(make('li', {},
        make('span', {className: `swatch ${kind}`, 'aria-hidden': 'true'}),
        kind === 'off' ? 'canceled' : word));
}

function showPicked(job) {
  const card = byId('picked');
  card.hidden = !job;
  if (!job)
    return;
  card.replaceChildren(
    make('div', {}, make('strong', {}, `Job ${job.seq}`),
         job.name ? ` · ${job.name}` : '', ' · ', resultElement(job)),
    ...detailOf(job));
}

function failureElement(job, open) {
  return make('details', {open, className: job.kind},
    make('summary', {}, make('strong', {}, `Job ${job.seq}`),
         make('span', {className: 'command'}, job.label),
         resultElement(job)),
    // The summary has the command already, unless the job has a name.
    make('div', {}, ...detailOf(job).slice(job.name ? 0 : 1)));
}

function showFailures() {
  const all = report.finals.filter(job => job.kind === 'failed' ||
                                          job.kind === 'slow');
  byId('failures-section').hidden = !all.length;
  byId('failures-title').textContent = `Failures (${all.length})`;
  const step = 20;
  let shown = 0;
  const more = byId('more-failures');
  const add = () => {
    // A few are open at once: there are answers on the first page.
    for (const job of all.slice(shown, shown + step))
      byId('failures').append(failureElement(job, shown++ < 3));
    more.hidden = shown >= all.length;
    more.textContent = `Show ${Math.min(step, all.length - shown)} more of ` +
      `${all.length - shown}`;
  };
  more.onclick = () => {
    const first = shown;
    add();
    byId('failures').children[first].querySelector('summary').focus();
  };
  add();
}

function showSlowest() {
  const slowest = [...report.ran].sort((a, b) => b.wall - a.wall).slice(0, 10);
  byId('slowest-section').hidden = !slowest.length;
  for (const job of slowest) {
    const fill = make('span', {className: `fill ${job.kind}`});
    fill.style.width = `${job.wall / (slowest[0].wall || 1) * 100}%`;
    byId('slowest').append(make('li', {},
      make('span', {className: 'time'}, durationText(job.wall)),
      make('span', {className: 'track', 'aria-hidden': 'true'}, fill),
      make('span', {className: 'command', title: job.command},
           `${job.seq}. ${job.label}`,
           job.kind === 'ok' ? '' : ` (${kinds[job.kind].word})`)));
  }
}

const tableColumns = [
  {name: 'Job', key: job => job.seq, number: true},
  {name: 'Result', key: job => job.outcome},
  {name: 'Command', key: job => job.label},
  {name: 'Elapsed', key: job => job.wall, number: true, text: durationText},
  {name: 'CPU', key: job => job.cpu, number: true, text: durationText},
  {name: 'Memory', key: job => job.maxrss, number: true, text: sizeText},
  // Unknown is less than nothing, and shown as such.
  {name: 'Output', key: job => job.outBytes === null ? -1
    : job.outBytes + job.errBytes, number: true, optional: true,
   text: bytes => bytes < 0 ? '–' : sizeText(bytes)},
  {name: 'Slot', key: job => job.slot, number: true, optional: true},
  {name: 'Start', key: job => job.start, number: true, optional: true,
   text: start => start ? durationText(start - report.from) : ''},
];

class JobTable {
  constructor(jobs) {
    this.jobs = jobs;
    this.pageSize = 100;
    this.page = 0;
    this.sorted = tableColumns[0];
    this.descending = false;
    this.most = tableColumns.map(column => column.number
      ? jobs.reduce((most, job) => Math.max(most, column.key(job)), 0) : 0);
    this.makeHeads();
    this.makeFilters();
    byId('previous').onclick = () => this.turn(-1);
    byId('next').onclick = () => this.turn(1);
    this.update();
  }

  makeHeads() {
    for (const column of tableColumns) {
      const button = make('button', {type: 'button'}, column.name);
      button.onclick = () => {
        // What is looked for in a number is the largest.
        this.descending = this.sorted === column ? !this.descending
          : Boolean(column.number) && column !== tableColumns[0];
        this.sorted = column;
        this.page = 0;
        this.update();
      };
      column.head = make('th', {scope: 'col', className:
        (column.number ? 'number ' : '') + (column.optional ? 'optional' : '')},
        button);
      byId('heads').append(column.head);
    }
  }

  makeFilters() {
    const count = new Map();
    for (const job of this.jobs)
      count.set(job.status, (count.get(job.status) || 0) + 1);
    const select = byId('result');
    select.append(make('option', {value: ''}, 'all'));
    if (count.size > 1)
      select.append(make('option', {value: '!ok'}, 'all but ok'));
    for (const [status, number] of count)
      select.append(make('option', {value: status}, `${status} (${number})`));
    select.onchange = () => this.filter();
    byId('search').oninput = () => this.filter();
    byId('filters').onsubmit = event => event.preventDefault();
  }

  filter() {
    this.page = 0;
    this.update();
  }

  matching() {
    const wanted = byId('result').value;
    const words = byId('search').value.toLowerCase().split(/\s+/)
      .filter(word => word);
    return this.jobs.filter(job => {
      if (wanted === '!ok' ? job.status === 'ok'
        : wanted && job.status !== wanted)
        return false;
      if (!words.length)
        return true;
      if (job.text === null)
        job.text = [`#${job.seq}`, job.name, job.command, job.outcome,
                    job.tail].join('\n').toLowerCase();
      return words.every(word => /^\d+$/.test(word)
        ? String(job.seq) === word || job.text.includes(word)
        : job.text.includes(word));
    });
  }

  turn(by) {
    this.page += by;
    this.update();
    byId('jobs').scrollIntoView();
  }

  update() {
    const jobs = this.matching();
    const {key} = this.sorted;
    const sign = this.descending ? -1 : 1;
    jobs.sort((a, b) => {
      const x = key(a);
      const y = key(b);
      return sign * (x < y ? -1 : x > y ? 1 : a.index - b.index);
    });
    for (const column of tableColumns) {
      if (column === this.sorted)
        column.head.setAttribute('aria-sort',
                                 this.descending ? 'descending' : 'ascending');
      else
        column.head.removeAttribute('aria-sort');
      column.head.firstChild.textContent = column.name +
        (column !== this.sorted ? '' : this.descending ? ' ▼' : ' ▲');
    }
    const pages = Math.max(1, Math.ceil(jobs.length / this.pageSize));
    this.page = Math.max(0, Math.min(this.page, pages - 1));
    const first = this.page * this.pageSize;
    const shown = jobs.slice(first, first + this.pageSize);
    byId('rows').replaceChildren(...shown.map(job => this.row(job)));
    if (!shown.length)
      byId('rows').append(make('tr', {}, make('td', {className: 'empty',
        colSpan: tableColumns.length}, 'No job is like that.')));
    byId('count').textContent = jobs.length === this.jobs.length
      ? countText(jobs.length, 'row')
      : `${jobs.length.toLocaleString('en')} of ` +
        countText(this.jobs.length, 'row');
    byId('pages').hidden = pages < 2;
    byId('pages').style.display = pages < 2 ? 'none' : '';
    byId('page').textContent = `${first + 1}–${first + shown.length} of ` +
      jobs.length.toLocaleString('en');
    byId('previous').disabled = this.page === 0;
    byId('next').disabled = this.page + 1 >= pages;
  }

  row(job) {
    const row = make('tr', {});
    const open = make('button', {type: 'button', className: 'open',
      'aria-expanded': 'false',
      'aria-label': `Job ${job.seq}, details`}, String(job.seq));
    open.onclick = () => this.toggle(row, open, job);
    tableColumns.forEach((column, at) => {
      const cell = make('td', {className:
        (column.number ? 'number ' : '') + (column.optional ? 'optional' : '')});
      if (column.name === 'Job')
        cell.append(open);
      else if (column.name === 'Result')
        cell.append(this.result(job));
      else if (column.name === 'Command')
        cell.append(make('span', {className: 'command short',
                                  title: job.command}, job.label));
      else
        cell.append(...this.value(column, at, job));
      row.append(cell);
    });
    return row;
  }

  result(job) {
    const short = {...job, outcome: job.outcome.split(/,| after |: /)[0]};
    const element = resultElement(short);
    if (!job.final)
      element.append(' (again later)');
    else if (job.attempt > 1)
      element.append(` (attempt ${job.attempt})`);
    return element;
  }

  value(column, at, job) {
    const value = column.key(job);
    const parts = [column.text ? column.text(value) : String(value)];
    if (['Elapsed', 'CPU', 'Memory'].includes(column.name) && this.most[at]) {
      const meter = make('span', {className: 'meter', 'aria-hidden': 'true'});
      meter.style.setProperty('--part', `${value / this.most[at] * 100}%`);
      parts.push(meter);
    }
    return parts;
  }

  toggle(row, button, job) {
    const isOpen = button.getAttribute('aria-expanded') === 'true';
    button.setAttribute('aria-expanded', String(!isOpen));
    if (isOpen)
      row.nextSibling.remove();
    else
      row.after(make('tr', {className: 'detail'},
        make('td', {colSpan: tableColumns.length}, ...detailOf(job))));
  }
}
