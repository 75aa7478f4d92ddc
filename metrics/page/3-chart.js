/* One chart: lines over time, drawn as SVG. It is a figure with a legend that toggles, a
 * cursor for mouse and keyboard, a table of the same numbers, CSV and PNG. */
'use strict';

const LEFT = 58, BOTTOM = 20, TOP = 6, RIGHT = 8;

function niceTop(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 2, 4, 6, 8, 10]) if (value <= step * unit) return step * unit;
  return value;
}

class Chart {
  // lines: [{ name, of(data, i) }], a number or null each; unit: a function of `format`.
  constructor(key, title, unit, lines) {
    Object.assign(this, { key, title, unit, lines, data: null, at: null });
    this.legend = el('div', { class: 'legend', role: 'group', 'aria-label': title + ': lines' });
    this.plot = svg('svg', { class: 'plot', tabindex: 0, role: 'img' });
    this.tip = el('div', { class: 'tip', hidden: true });
    this.live = el('p', { role: 'status', class: 'skip' });
    this.rows = el('tbody');
    this.head = el('tr');
    this.details = el('details', {}, el('summary', {}, 'Table'),
      el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': title + ': table' },
        el('table', {}, el('thead', {}, this.head), this.rows)));
    const button = (text, label, run) => {
      const b = el('button', { type: 'button', 'aria-label': title + ': ' + label }, text);
      b.addEventListener('click', run);
      return b;
    };
    this.figure = el('figure', { 'data-chart': key },
      el('figcaption', {}, title, el('span', { class: 'tools' },
        button('Enlarge', 'enlarge', () => choose({ big: key }, true)),
        button('CSV', 'save as CSV', () => this.saveCsv()),
        button('PNG', 'save as PNG', () => this.savePng()))),
      this.legend, this.plot, this.tip, this.live, this.details);
    lines.forEach((line, i) => {
      const b = el('button', { type: 'button', class: 'c' + i, 'aria-pressed': 'true' }, line.name);
      b.addEventListener('click', () => toggleLine(key + '.' + i));
      this.legend.append(b);
    });
    // A finger leaves the tool-tip where it was lifted; a touch anywhere else takes it away.
    for (const moved of ['pointerdown', 'pointermove'])
      this.plot.addEventListener(moved, e => this.moveTo(this.indexAt(e.clientX)));
    this.plot.addEventListener('pointerleave', e => { if (e.pointerType !== 'touch') this.moveTo(null); });
    document.addEventListener('pointerdown', e => { if (!this.plot.contains(e.target)) this.moveTo(null); });
    this.plot.addEventListener('blur', () => this.moveTo(null));
    this.plot.addEventListener('keydown', e => this.key_(e));
    this.details.addEventListener('toggle', () => this.drawTable());
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  key_(e) {
    const n = this.data ? this.data.start.length : 0;
    const at = this.at ?? n;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: n - 1 }[e.key];
    if (to === undefined || !n) return;
    e.preventDefault();
    this.moveTo(Math.max(0, Math.min(n - 1, to)));
    this.live.textContent = this.words(this.at).join(', ');
  }

  shown(i) { return !choice.off.split(',').includes(this.key + '.' + i); }

  update(data, from, to) {
    const last = this.data && this.at !== null ? this.data.start[this.at] : null;
    Object.assign(this, { data, from, to });
    if (!data) { // of what is shown now, nothing is known yet
      this.at = this.cursor = null;
      this.tip.hidden = true;
      this.plot.replaceChildren();
      this.rows.replaceChildren();
      return;
    }
    if (last !== null) {
      const at = data.start.indexOf(last);
      this.at = at < 0 ? null : at;
    }
    this.draw();
    this.drawTable();
  }

  width() { return Math.max(200, this.plot.clientWidth || 400); }
  height() { return Math.max(120, this.plot.clientHeight || 176); }
  x(time) { return LEFT + (time - this.from) / (this.to - this.from || 1) * (this.width() - LEFT - RIGHT); }
  middle(i) { return this.data.start[i] + this.data.seconds[i] / 2; }

  indexAt(clientX) {
    if (!this.data || !this.data.start.length) return null;
    const box = this.plot.getBoundingClientRect();
    const time = this.from + (clientX - box.left - LEFT) / (box.width - LEFT - RIGHT) * (this.to - this.from);
    let best = 0;
    for (let i = 1; i < this.data.start.length; i++)
      if (Math.abs(this.middle(i) - time) < Math.abs(this.middle(best) - time)) best = i;
    return best;
  }

  words(i) {
    const said = [format.clock(this.data.start[i])];
    this.lines.forEach((line, n) => {
      if (!this.shown(n)) return;
      const v = line.of(this.data, i);
      said.push(line.name + ' ' + (v === null ? '\u2013' : this.unit(v)));
    });
    if (this.data.error_percent[i] > 0.79) said.push('quantiles within ' + this.data.error_percent[i] + ' %');
    for (const event of this.data.events || [])
      if (event.time >= this.data.start[i] && event.time < this.data.start[i] + this.data.seconds[i])
        said.push(eventWords(event));
    return said;
  }

  // The points of a line; where there are more than pixels, the highest of each pixel.
  points(line) {
    const { start, seconds } = this.data, n = start.length;
    const step = Math.max(1, Math.ceil(n / (this.width() - LEFT - RIGHT)));
    const broken = i => i > 0 && start[i] - (start[i - 1] + seconds[i - 1]) > seconds[i] * 0.6;
    const points = [];
    for (let i = 0, end; i < n; i = end) {
      let value = null;
      for (end = i; end < n && end < i + step && (end === i || !broken(end)); end++) {
        const v = line.of(this.data, end);
        if (v !== null && (value === null || v > value)) value = v;
      }
      points.push([this.middle((i + end - 1) >> 1), value, broken(i)]);
    }
    return points;
  }

  draw() {
    if (!this.data) return;
    const w = this.width(), h = this.height(), plot = h - TOP - BOTTOM;
    const all = this.lines.map((line, i) => this.shown(i) ? this.points(line) : []);
    const top = niceTop(Math.max(0, ...all.map(ps => ps.reduce((m, p) => p[1] > m ? p[1] : m, 0))));
    const y = v => TOP + plot - v / top * plot;
    const parts = [];
    for (let i = 0; i <= 4; i++) {
      const v = top * i / 4;
      parts.push(svg('line', { class: 'grid', x1: LEFT, x2: w - RIGHT, y1: y(v), y2: y(v) }),
        svg('text', { x: LEFT - 5, y: y(v) + 4, 'text-anchor': 'end' }, this.unit(v)));
    }
    // As many times as fit beside each other.
    const labels = Math.max(1, Math.min(4, Math.floor((w - LEFT - RIGHT) / 80)));
    for (let i = 0; i <= labels; i++) {
      const t = this.from + (this.to - this.from) * i / labels;
      parts.push(svg('text', { class: 'time', x: this.x(t), y: h - 5,
        'text-anchor': i === 0 ? 'start' : i === labels ? 'end' : 'middle' }, format.clock(t)));
    }
    for (const event of this.data.events || []) {
      if (event.time < this.from || event.time > this.to) continue;
      const x = this.x(event.time);
      parts.push(svg('line', { class: 'mark ' + event.event, x1: x, x2: x, y1: TOP, y2: TOP + plot }),
        svg('text', { x: x + 2, y: TOP + 10 }, { start: 'S', graceful: 'G', killed: 'K' }[event.event] || '?'));
    }
    all.forEach((points, i) => {
      let d = '', open = false;
      points.forEach(([time, value, gap], n) => {
        if (value === null) { open = false; return; }
        const alone = (!open || gap) && (n + 1 === points.length || points[n + 1][1] === null || points[n + 1][2]);
        d += (open && !gap ? 'L' : 'M') + this.x(time).toFixed(1) + ' ' + y(value).toFixed(1) + (alone ? 'h.1' : '');
        open = true;
      });
      if (d) parts.push(svg('path', { class: 'c' + i, d }));
    });
    this.plot.setAttribute('viewBox', `0 0 ${w} ${h}`);
    this.plot.setAttribute('aria-label', this.title + '. Arrow keys read single intervals.');
    this.plot.replaceChildren(...parts, this.cursor = svg('g'));
    [...this.legend.children].forEach((b, i) => b.setAttribute('aria-pressed', String(this.shown(i))));
    this.yOf = y;
    this.drawCursor();
  }

  moveTo(i) { this.at = i; this.drawCursor(); }

  drawCursor() {
    if (!this.cursor) return;
    this.tip.hidden = this.at === null;
    if (this.at === null || !this.data.start.length) { this.cursor.replaceChildren(); return; }
    const x = this.x(this.middle(this.at));
    const parts = [svg('line', { class: 'cursor', x1: x, x2: x, y1: TOP, y2: this.height() - BOTTOM })];
    this.lines.forEach((line, i) => {
      const v = this.shown(i) ? line.of(this.data, this.at) : null;
      if (v !== null) parts.push(svg('circle', { class: 'c' + i, cx: x, cy: this.yOf(v), r: 3 }));
    });
    this.cursor.replaceChildren(...parts);
    this.tip.replaceChildren(...this.words(this.at).map(text => el('p', {}, text)));
    const right = x > this.width() / 2;
    this.tip.style.left = right ? 'auto' : x + 14 + 'px';
    this.tip.style.right = right ? this.width() - x + 14 + 'px' : 'auto';
  }

  table() {
    const head = ['Time', ...this.lines.map(l => l.name)];
    const rows = this.data.start.map((s, i) => [s, ...this.lines.map(l => l.of(this.data, i))]);
    return { head, rows };
  }

  drawTable() {
    if (!this.details.open || !this.data) return;
    const { head, rows } = this.table();
    this.head.replaceChildren(...head.map(h => el('th', { scope: 'col' }, h)));
    this.rows.replaceChildren(...rows.reverse().map(row => el('tr', {},
      el('th', { scope: 'row' }, format.clock(row[0])),
      ...row.slice(1).map(v => el('td', {}, v === null ? '\u2013' : this.unit(v))))));
  }

  saveCsv() {
    const { head, rows } = this.table();
    const text = [head, ...rows.map(r => [format.moment(r[0]), ...r.slice(1)])]
      .map(r => r.map(csvCell).join(',')).join('\r\n') + '\r\n';
    save(`${this.key}.csv`, new Blob([text], { type: 'text/csv;charset=utf-8' }));
  }

  // The SVG with its styles written into it, drawn on a canvas.
  savePng() {
    const copy = this.plot.cloneNode(true), w = this.width(), h = this.height();
    const from = this.plot.querySelectorAll('*'), to = copy.querySelectorAll('*');
    from.forEach((node, i) => {
      const style = getComputedStyle(node);
      for (const name of ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'font-size', 'font-family'])
        to[i].setAttribute(name, style.getPropertyValue(name));
    });
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    copy.setAttribute('width', w);
    copy.setAttribute('height', h);
    const image = new Image();
    image.onload = () => {
      const canvas = el('canvas', { width: 2 * w, height: 2 * h }), pen = canvas.getContext('2d');
      pen.fillStyle = getComputedStyle(this.figure).backgroundColor;
      pen.fillRect(0, 0, 2 * w, 2 * h);
      pen.drawImage(image, 0, 0, 2 * w, 2 * h);
      canvas.toBlob(blob => save(`${this.key}.png`, blob));
    };
    image.src = 'data:image/svg+xml;charset=utf-8,' + encodeURIComponent(new XMLSerializer().serializeToString(copy));
  }
}

function toggleLine(id) {
  const off = new Set(choice.off.split(',').filter(Boolean));
  if (!off.delete(id)) off.add(id);
  choose({ off: [...off].sort().join(',') });
}

function eventWords(event) {
  return ({ start: 'server started', graceful: 'graceful restart', killed: 'child killed' }[event.event] || clean(event.event))
    + (event.pid ? ` (process ${event.pid})` : '');
}
