// The timeline: a lane for each slot, a bar for each attempt of a job. Bars
// too small to see apart are drawn as one; what failed is drawn last, and
// never thinner than can be seen.

class Timeline {
  constructor(jobs, from, to, pick) {
    this.box = byId('timeline');
    this.canvas = byId('canvas');
    this.pen = this.canvas.getContext('2d');
    this.pick = pick;
    this.from = from;
    this.to = Math.max(to, from + 1e-3);
    this.view = [this.from, this.to];
    this.picked = null;
    const slots = [...new Set(jobs.map(job => job.slot))].sort((a, b) => a - b);
    const laneOf = new Map(slots.map((slot, index) => [slot, index]));
    this.lanes = slots.map(slot => ({slot, jobs: []}));
    for (const job of jobs)
      this.lanes[laneOf.get(job.slot)].jobs.push(job);
    for (const lane of this.lanes)
      lane.jobs.sort((a, b) => a.start - b.start);
    const count = this.lanes.length;
    this.height = count <= 14 ? 24 : count <= 48 ? 14 : count <= 200 ? 7 : 4;
    this.top = 26;
    this.left = 58;
    this.listen();
    new ResizeObserver(() => this.resize()).observe(this.box);
    this.resize();
  }

  resize() {
    this.width = this.box.clientWidth;
    const height = this.top + this.lanes.length * this.height + 6;
    const scale = Math.min(devicePixelRatio || 1, 32000 / height);
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(height * scale);
    this.canvas.style.height = height + 'px';
    this.scale = scale;
    this.draw();
  }

  xOf(time) {
    const [a, b] = this.view;
    return this.left + (time - a) / (b - a) * (this.width - this.left - 8);
  }

  timeOf(x) {
    const [a, b] = this.view;
    return a + (x - this.left) / (this.width - this.left - 8) * (b - a);
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    const value = name => style.getPropertyValue('--' + name).trim();
    const all = {};
    for (const name of ['ok', 'failed', 'slow', 'off', 'hatch', 'lane', 'line',
                        'card', 'text', 'muted', 'accent'])
      all[name] = value(name);
    return all;
  }

  // Stripes: aslant for what failed, upright for what took too long.
  pattern(kind, colour) {
    const size = 6;
    const tile = document.createElement('canvas');
    tile.width = tile.height = size;
    const pen = tile.getContext('2d');
    pen.fillStyle = colour[kind];
    pen.fillRect(0, 0, size, size);
    pen.strokeStyle = colour.hatch;
    pen.lineWidth = 1.3;
    pen.beginPath();
    if (kind === 'failed') {
      for (const shift of [-size, 0, size]) {
        pen.moveTo(shift - 1, size + 1);
        pen.lineTo(shift + size + 1, -1);
      }
    } else {
      pen.moveTo(size / 2, 0);
      pen.lineTo(size / 2, size);
    }
    pen.stroke();
    return this.pen.createPattern(tile, 'repeat');
  }

  draw() {
    const pen = this.pen;
    const colour = this.colours();
    pen.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    pen.clearRect(0, 0, this.width, this.canvas.height / this.scale);
    this.font = '11px ' + getComputedStyle(document.body).fontFamily;
    pen.font = this.font;
    this.drawLanes(colour);
    this.drawAxis(colour);
    pen.save();
    pen.beginPath();
    pen.rect(this.left, 0, this.width - this.left, 1e5);
    pen.clip();
    const fill = {
      ok: colour.ok,
      failed: this.pattern('failed', colour),
      slow: this.pattern('slow', colour),
      off: null,
    };
    for (const kind of ['ok', 'off', 'slow', 'failed'])
      this.lanes.forEach((lane, index) =>
        this.drawBars(lane, index, kind, fill[kind], colour));
    this.drawPicked(colour);
    pen.restore();
  }

  drawLanes(colour) {
    const pen = this.pen;
    pen.textAlign = 'right';
    pen.textBaseline = 'middle';
    const every = Math.ceil(13 / this.height);
    this.lanes.forEach((lane, index) => {
      const y = this.top + index * this.height;
      if (index % 2 === 0 || this.height > 20) {
        pen.fillStyle = colour.lane;
        pen.fillRect(this.left, y + (this.height > 20 ? 1 : 0),
                     this.width - this.left - 8,
                     this.height - (this.height > 20 ? 2 : 0));
      }
      if (index % every === 0) {
        pen.fillStyle = colour.muted;
        pen.fillText('slot ' + lane.slot, this.left - 8, y + this.height / 2);
      }
    });
  }

  drawAxis(colour) {
    const pen = this.pen;
    const span = this.view[1] - this.view[0];
    const step = niceStep(span / Math.max(2, (this.width - this.left) / 110));
    const first = Math.ceil((this.view[0] - this.from) / step - 1e-9);
    const bottom = this.top + this.lanes.length * this.height;
    pen.textAlign = 'left';
    for (let index = first; ; ++index) {
      const x = this.xOf(this.from + index * step);
      if (x > this.width - 8)
        break;
      pen.fillStyle = colour.line;
      pen.fillRect(Math.round(x), this.top - 8, 1, bottom - this.top + 8);
      if (x < this.width - 40) {
        pen.fillStyle = colour.muted;
        pen.fillText(tickText(index * step, step), x + 4, this.top - 14);
      }
    }
  }

  drawBars(lane, index, kind, fill, colour) {
    const thin = this.height < 10;
    const y = this.top + index * this.height + (thin ? 0.5 : 3);
    const height = this.height - (thin ? 1 : 6);
    const least = kind === 'ok' ? 1 : 3;
    let left = null;
    let right = 0;
    const flush = () => {
      if (left === null)
        return;
      this.drawBar(left, y, Math.max(right - left, least), height, fill,
                   colour);
      left = null;
    };
    for (const job of lane.jobs) {
      if (job.kind !== kind || job.end < this.view[0])
        continue;
      if (job.start > this.view[1])
        break;
      const a = Math.max(this.xOf(job.start), this.left - 5);
      let b = Math.min(this.xOf(job.end), this.width + 5);
      // A gap keeps neighbours apart, where there is room for one.
      if (b - a > 4)
        b -= 1;
      if (b - a <= 4 && left !== null && a - right < 0.7) {
        right = Math.max(right, b);
        continue;
      }
      flush();
      left = a;
      right = b;
      if (b - a > 42 && height >= 14) {
        flush();
        this.drawLabel(job, a, y, b - a, height, colour);
      }
    }
    flush();
  }

  drawBar(x, y, width, height, fill, colour) {
    const pen = this.pen;
    pen.beginPath();
    const hollow = fill === null;
    const inset = hollow ? 1 : 0;
    pen.roundRect(x + inset, y + inset, Math.max(width - 2 * inset, 1),
                  height - 2 * inset, width > 6 ? Math.min(3, height / 4) : 0);
    if (hollow) {
      pen.strokeStyle = colour.off;
      pen.lineWidth = 2;
      pen.stroke();
    } else {
      pen.fillStyle = fill;
      pen.fill();
    }
  }

  drawLabel(job, x, y, width, height, colour) {
    const pen = this.pen;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width - 5, height);
    pen.clip();
    pen.textAlign = 'left';
    const text = (job.kind === 'ok' ? '' : kinds[job.kind].mark + ' ') +
      job.label.slice(0, 120);
    if (job.kind === 'failed' || job.kind === 'slow') {
      // Letters on stripes cannot be read.
      pen.fillStyle = colour[job.kind];
      const wide = pen.measureText(text).width;
      pen.fillRect(x + 3, y + 1, Math.min(wide + 6, width - 8), height - 2);
    }
    pen.fillStyle = job.kind === 'off' ? colour.text : colour.hatch;
    pen.fillText(text, x + 6, y + height / 2 + 0.5);
    pen.restore();
  }

  drawPicked(colour) {
    const job = this.picked;
    if (!job)
      return;
    const index = this.lanes.findIndex(lane => lane.slot === job.slot);
    const x = this.xOf(job.start);
    const pen = this.pen;
    pen.strokeStyle = colour.text;
    pen.lineWidth = 2;
    pen.strokeRect(x - 2, this.top + index * this.height + 1,
                   Math.max(this.xOf(job.end) - x, 3) + 4, this.height - 2);
  }

  // The job at a point of the canvas, or the nearest within three pixels.
  jobAt(x, y) {
    const lane = this.lanes[Math.floor((y - this.top) / this.height)];
    if (!lane || x < this.left)
      return null;
    let best = null;
    let distance = 4;
    for (const job of lane.jobs) {
      const a = this.xOf(job.start);
      const b = this.xOf(job.end);
      const away = x < a ? a - x : x > b ? x - b : 0;
      if (away < distance || (away === distance && job.kind !== 'ok')) {
        best = job;
        distance = away;
      }
    }
    return best;
  }

  zoom(factor, around) {
    const [a, b] = this.view;
    const whole = this.to - this.from;
    const span = Math.min(Math.max((b - a) / factor, whole / 1e6, 1e-5), whole);
    const part = (around - a) / (b - a);
    this.show(around - span * part, span);
  }

  show(start, span) {
    const from = Math.max(this.from, Math.min(start, this.to - span));
    this.view = [from, from + span];
    this.draw();
  }

  all() {
    this.show(this.from, this.to - this.from);
  }

  middle() {
    const job = this.picked;
    if (job && job.end >= this.view[0] && job.start <= this.view[1])
      return (Math.max(job.start, this.view[0]) +
              Math.min(job.end, this.view[1])) / 2;
    return (this.view[0] + this.view[1]) / 2;
  }

  select(job) {
    this.picked = job;
    if (job) {
      const span = this.view[1] - this.view[0];
      if (job.start < this.view[0] || job.start > this.view[1])
        this.show(job.start - span * 0.1, span);
      const index = this.lanes.findIndex(lane => lane.slot === job.slot);
      const y = this.top + index * this.height;
      if (y < this.box.scrollTop)
        this.box.scrollTop = y - this.top;
      else if (y + this.height > this.box.scrollTop + this.box.clientHeight)
        this.box.scrollTop = y + this.height - this.box.clientHeight;
    }
    this.draw();
    this.pick(job);
  }

  key(event) {
    const lanes = this.lanes;
    const index = this.picked
      ? lanes.findIndex(lane => lane.slot === this.picked.slot) : 0;
    const jobs = lanes[index].jobs;
    const at = this.picked ? jobs.indexOf(this.picked) : -1;
    const along = to => this.select(jobs[Math.max(0, Math.min(to,
                                                  jobs.length - 1))]);
    const across = to => {
      const lane = lanes[Math.max(0, Math.min(to, lanes.length - 1))];
      const time = this.picked ? this.picked.start : this.view[0];
      this.select(lane.jobs.reduce((best, job) =>
        Math.abs(job.start - time) < Math.abs(best.start - time) ? job : best));
    };
    const actions = {
      ArrowRight: () => along(at + 1),
      ArrowLeft: () => along(at - 1),
      Home: () => along(0),
      End: () => along(jobs.length - 1),
      ArrowDown: () => across(this.picked ? index + 1 : 0),
      ArrowUp: () => across(index - 1),
      '+': () => this.zoom(2, this.middle()),
      '=': () => this.zoom(2, this.middle()),
      '-': () => this.zoom(0.5, this.middle()),
      '0': () => this.all(),
      Escape: () => this.select(null),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey)
      return;
    event.preventDefault();
    action();
  }

  listen() {
    this.box.addEventListener('keydown', event => this.key(event));
    byId('zoom-in').onclick = () => this.zoom(2, this.middle());
    byId('zoom-out').onclick = () => this.zoom(0.5, this.middle());
    byId('zoom-all').onclick = () => this.all();
    const canvas = this.canvas;
    canvas.addEventListener('wheel', event => {
      // The page scrolls as ever; zooming is asked for.
      if (!event.ctrlKey && !event.metaKey)
        return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), this.timeOf(event.offsetX));
    }, {passive: false});
    let drag = null;
    canvas.addEventListener('pointerdown', event => {
      drag = {x: event.offsetX, view: this.view, moved: false};
    });
    canvas.addEventListener('pointermove', event => {
      if (!drag) {
        this.tip(event);
        return;
      }
      const [a, b] = drag.view;
      const shift = (event.offsetX - drag.x) /
        (this.width - this.left - 8) * (b - a);
      if (Math.abs(event.offsetX - drag.x) > 3 && !drag.moved) {
        drag.moved = true;
        canvas.setPointerCapture(event.pointerId);
        canvas.classList.add('dragged');
        byId('tip').hidden = true;
      }
      if (drag.moved)
        this.show(a - shift, b - a);
    });
    canvas.addEventListener('pointerup', event => {
      if (drag && !drag.moved)
        this.select(this.jobAt(event.offsetX, event.offsetY));
      drag = null;
      canvas.classList.remove('dragged');
    });
    canvas.addEventListener('pointercancel', () => { drag = null; });
    canvas.addEventListener('pointerleave', () => { byId('tip').hidden = true; });
    matchMedia('(prefers-color-scheme: dark)')
      .addEventListener('change', () => this.draw());
    matchMedia('print').addEventListener('change', () => this.draw());
  }

  tip(event) {
    const tip = byId('tip');
    const job = this.jobAt(event.offsetX, event.offsetY);
    tip.hidden = !job;
    if (!job)
      return;
    tip.replaceChildren(
      make('div', {}, `Job ${job.seq} · `, resultElement(job),
           ` · ${durationText(job.wall)}`),
      make('div', {className: 'command'}, job.label.slice(0, 300)));
    const x = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18;
    tip.style.left = Math.max(8, x) + 'px';
    tip.style.top = (below + tip.offsetHeight > innerHeight
      ? event.clientY - tip.offsetHeight - 10 : below) + 'px';
  }
}

// 1, 2, 5 times a power of ten; from a minute on, what a clock has.
function niceStep(least) {
  for (const step of [60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400])
    if (least > 30 && step >= least)
      return step;
  const power = 10 ** Math.floor(Math.log10(least));
  for (const factor of [1, 2, 5, 10])
    if (factor * power >= least)
      return factor * power === 50 ? 60 : factor * power;
  return least;
}

function tickText(seconds, step) {
  if (seconds === 0)
    return '0';
  if (step < 1) {
    const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
    return step < 0.01 && seconds < 1
      ? (seconds * 1e3).toFixed(Math.max(0, digits - 3)) + ' ms'
      : seconds.toFixed(digits) + ' s';
  }
  if (seconds < 120 && step < 60)
    return Math.round(seconds) + ' s';
  const whole = Math.round(seconds);
  const two = value => String(value).padStart(2, '0');
  return whole < 3600
    ? `${Math.floor(whole / 60)}:${two(whole % 60)}`
    : `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:` +
      two(whole % 60);
}
