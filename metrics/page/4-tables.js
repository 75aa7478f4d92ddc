/* The table of all routes, the slow requests, songs, zones and events. */
'use strict';

const $ = id => document.getElementById(id);

// Replace what differs only: a row keeps its node, and so the focus stays in it.
function fill(tbody, keys, make, update) {
  const rows = tbody.rowsByKey || (tbody.rowsByKey = new Map());
  const wanted = new Set(keys);
  for (const [key, row] of rows) if (!wanted.has(key)) { row.remove(); rows.delete(key); }
  let before = tbody.firstChild;
  for (const key of keys) {
    let row = rows.get(key);
    if (!row) rows.set(key, row = make(key));
    update(row, key);
    if (row === before) before = before.nextSibling;
    else tbody.insertBefore(row, before);
  }
}

const COLUMNS = [
  { key: 'route', title: 'Route' },
  { key: 'requests', title: 'Requests', unit: 'count' },
  { key: 'rate', title: 'A second', unit: 'rates' },
  { key: 'spark', title: 'Course' },
  { key: 'in_flight', title: 'In flight', unit: 'count' },
  { key: 'errors', title: 'Errors', unit: 'count', bad: true },
  { key: 'aborted', title: 'Aborted', unit: 'count' },
  { key: 'average', title: 'Average', unit: 'time' },
  { key: 'median', title: 'Median', unit: 'time' },
  { key: 'p95', title: '95th', unit: 'time' },
  { key: 'p99', title: '99th', unit: 'time' },
  { key: 'p999', title: '99.9th', unit: 'time' },
  { key: 'application_p95', title: 'Application 95th', unit: 'time' },
  { key: 'output_p95', title: 'Output 95th', unit: 'time' },
  { key: 'blocks_median', title: 'Blocks', unit: 'blocks' },
  { key: 'blocks_p95', title: 'Blocks 95th', unit: 'blocks' },
  { key: 'length_median', title: 'Bytes', unit: 'bytes' },
  { key: 'length_p95', title: 'Bytes 95th', unit: 'bytes' },
];

// Many tiny blocks: each costs a pass through all filters, for few bytes.
const tiny = r => r.blocks_p95 >= 100 && r.length_sum > 0 && r.length_p95 / r.blocks_p95 < 256;

let routeRows = [], routesAge = 0;

// Of many busy routes the figures are costly, and older than the rest.
function readRoutes(live, now) {
  const { columns, rows, time } = live.routes;
  routesAge = Math.max(0, Math.round(now - time - live.interval_seconds));
  routeRows = rows.map(values => {
    const r = {};
    columns.forEach((name, i) => { r[name] = values[i]; });
    r.tiny = tiny(r);
    r.silent = !r.requests;
    return r;
  });
}

function makeRouteTable() {
  const head = document.querySelector('#route-table thead tr');
  for (const column of COLUMNS) {
    const th = el('th', { scope: 'col', 'data-key': column.key });
    if (column.key === 'spark') th.append(column.title);
    else {
      const b = el('button', { type: 'button' }, column.title);
      b.addEventListener('click', () => choose({
        sort: column.key,
        dir: choice.sort === column.key ? (choice.dir === 'd' ? 'a' : 'd') : column.key === 'route' ? 'a' : 'd',
      }));
      th.append(b);
    }
    head.append(th);
  }
}

function makeRouteRow(name) {
  const open = el('button', { type: 'button' }, clean(name));
  open.addEventListener('click', () => choose({ r: name }, true));
  const flag = el('span', { class: 'tiny' });
  const row = el('tr', {}, el('td', { class: 'name', title: clean(name) }, flag, open));
  row.flag = flag;
  for (const column of COLUMNS.slice(1)) {
    const td = el('td');
    if (column.key === 'spark') td.append(row.spark = svg('svg',
      { class: 'spark', viewBox: '0 0 120 22', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, svg('path')));
    row.append(td);
  }
  return row;
}

// Time that was not measured is a gap.
function sparkPath(values) {
  const top = Math.max(1e-9, ...values), n = values.length;
  let d = '', open = false;
  values.forEach((v, k) => {
    if (v !== null) {
      d += (open ? 'L' : 'M') + (n > 1 ? k * 118 / (n - 1) + 1 : 60).toFixed(1) + ' ' + (21 - v / top * 20).toFixed(1);
      if (!open && (values[k + 1] ?? null) === null) d += 'h.1';
    }
    open = v !== null;
  });
  return d;
}

function updateRouteRow(row, r) {
  setText(row.flag, r.tiny ? '\u26a0 ' : '');
  row.className = r.silent ? 'silent' : '';
  COLUMNS.forEach((column, i) => {
    const td = row.children[i];
    if (column.key === 'spark') {
      td.firstChild.firstChild.setAttribute('d', sparkPath(r.spark));
    } else if (column.unit) {
      const v = r[column.key];
      setText(td, (v === null ? '\u2013' : format[column.unit](v)) + (column.key === 'blocks_p95' && r.tiny ? ' \u26a0' : ''));
      td.className = column.bad && r[column.key] ? 'bad' : column.key === 'blocks_p95' && r.tiny ? 'tiny' : '';
    }
  });
}

// Rows are made as they are scrolled to: to lay out a thousand costs a browser a second.
const FEW = 50;
let most = FEW, mostFor = '';

function showMore(n) {
  most += n;
  drawRoutes();
}

function onRoutesScroll(e) {
  const box = e.target;
  if (box.scrollTop + 2 * box.clientHeight > box.scrollHeight && most < routeRows.length) showMore(100);
}

function drawRoutes() {
  const list = [choice.q, choice.sort, choice.dir].join('\n');
  if (list !== mostFor) {
    mostFor = list;
    most = FEW;
    document.querySelector('#routes .scroll').scrollTop = 0;
  }
  const search = choice.q.toLowerCase(), by = choice.sort, sign = choice.dir === 'a' ? 1 : -1;
  const shown = routeRows.filter(r => r.route.toLowerCase().includes(search));
  // Of what nothing is known, it comes last either way.
  const order = (a, b) => by === 'route' ? sign * (a.route < b.route ? -1 : a.route > b.route ? 1 : 0)
    : a[by] === null || b[by] === null ? (a[by] === null) - (b[by] === null) : sign * (a[by] - b[by]);
  shown.sort((a, b) => order(a, b) || (a.route < b.route ? -1 : 1));
  const made = shown.slice(0, most);
  const byName = new Map(made.map(r => [r.route, r]));
  fill(document.querySelector('#route-table tbody'), made.map(r => r.route), makeRouteRow,
    (row, name) => updateRouteRow(row, byName.get(name)));
  $('routes-all').hidden = shown.length <= most;
  setText($('routes-all'), `Show all ${shown.length} rows`);
  const silent = shown.reduce((n, r) => n + r.silent, 0);
  setText($('routes-count'), (shown.length === routeRows.length ? '' : shown.length + ' of ') + many(routeRows.length, 'route')
    + (routesAge > 5 ? `, figures of ${many(routesAge, 'second')} ago` : '') + (silent ? `, ${silent} of them silent in the last ${choice.m === '1' ? 'minute' : choice.m + ' minutes'}` : ''));
  $('tiny').hidden = !made.some(r => r.tiny);
  for (const th of document.querySelectorAll('#route-table th'))
    if (th.dataset.key === by) th.setAttribute('aria-sort', sign > 0 ? 'ascending' : 'descending');
    else th.removeAttribute('aria-sort');
}

// Arrow keys go from row to row.
function moveInRoutes(e) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
  if (!step || !e.target.closest('tbody')) return;
  const row = e.target.closest('tr');
  if (step > 0 && !row.nextElementSibling && most < routeRows.length) showMore(100);
  const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  if (next) { e.preventDefault(); next.querySelector('button').focus(); }
}

let slowHeld = false, slowKept = [];

function holdSlow() {
  slowHeld = !slowHeld;
  $('slow-pause').setAttribute('aria-pressed', String(slowHeld));
  if (live && live.metrics) drawSlow(live.metrics.slow);
}

function drawSlow(slow) {
  if (!slowHeld) slowKept = slow;
  const newer = slowKept.length ? slow.filter(s => s.time > slowKept[0].time).length : slow.length;
  setText($('slow-newer'), slowHeld ? `Held; ${newer} newer.` : '');
  const tbody = document.querySelector('#slow-table tbody');
  tbody.replaceChildren(...slowKept.filter(s => !choice.r || s.route === choice.r).map(s => el('tr', {},
    ...[format.lately(s.time), clean(s.route), clean(s.method + ' ' + s.path), s.status, s.outcome,
      format.time(s.request_time), format.time(s.application_time), format.time(s.output_time),
      format.bytes(s.output_length)].map((text, i) => el('td', i === 2 ? { title: text } : {}, String(text))))));
  $('slow-none').hidden = tbody.children.length > 0;
  setText($('slow-none'), slowKept.length ? 'None of this route.' : 'None. PlaycountSlowRequests says from which time on a request is slow.');
  $('slow-table').hidden = !tbody.children.length;
}

function drawEvents(events) {
  $('events').replaceChildren(...[...events].reverse().map(e =>
    el('li', {}, `${format.lately(e.time)}: ${eventWords(e)}`)));
}

function drawZones(zones) {
  const select = $('zone');
  if (select.options.length !== zones.length || zones.some((z, i) => select.options[i].value !== z.zone))
    select.replaceChildren(...zones.map(z => el('option', { value: z.zone }, clean(z.zone))));
  select.value = choice.z && zones.some(z => z.zone === choice.z) ? choice.z : zones.length ? zones[0].zone : '';
  $('zones').replaceChildren(...zones.map(z => {
    const h = z.handoff, percent = Math.round(100 * z.songs / z.capacity) || 0;
    const said = [`${format.count(z.songs)} of ${many(z.capacity, 'song')} (${percent} %), ${many(z.plays, 'play')}`];
    if (h.batches || h.open || h.failures) {
      said.push(`${format.count(h.batches)} ${h.batches === 1 ? 'batch' : 'batches'} handed over`);
      said.push(h.open ? `${h.open} open with ${many(h.plays, 'play')}` : 'none open');
      if (h.refused_songs) said.push(`${many(h.refused_songs, 'song')} with ${many(h.refused_plays, 'play')} refused by the database`);
      if (h.undelivered_seconds) said.push(`undelivered for ${format.count(h.undelivered_seconds)} s`);
    }
    const p = el('p', { class: 'zone' }, clean(z.zone) + ': ',
      el('meter', { min: 0, max: 1, high: 0.9, value: z.songs / z.capacity, 'aria-label': `zone ${clean(z.zone)}, how full` }),
      ' ' + said.join(', ') + '.');
    if (h.failing) p.append(' ', el('strong', { class: 'bad' }, `The delivery is failing (${many(h.failures, 'time')})`
      + (h.why ? ': ' + clean(h.why) + '.' : '; the error log says why.')));
    if (percent >= 90) p.append(' ', el('strong', { class: 'bad' }, 'Nearly full.'));
    return p;
  }));
}

// Deliveries of audio and video by what became of them.
function drawMedia(media) {
  $('media').hidden = !media;
  if (!media) return;
  const said = Object.entries(media.deliveries).filter(([, n]) => n > 0).map(([verdict, n]) => `${format.count(n)} ${verdict}`);
  const full = media.downloads >= media.downloads_limit || media.open >= media.open_limit;
  $('media').replaceChildren(`Media delivered: ${said.join(', ') || 'nothing yet'}. Listeners counted today: ` +
    `${format.count(media.downloads)} of ${format.count(media.downloads_limit)}, with a part of a file: ` +
    `${format.count(media.open)} of ${format.count(media.open_limit)}. `,
    full ? el('strong', { class: 'bad' }, 'Full: see PlaycountMediaTable.') : '');
}

let songsBefore = null;

// The server lists them once in an interval for all who ask; `time` is when.
function drawSongs(answer, key) {
  const before = songsBefore && songsBefore.key === key ? songsBefore : null;
  if (before && answer.time === before.time) return;
  const counts = new Map(answer.songs.map(s => [s.song, s.count]));
  const tbody = document.querySelector('#song-table tbody');
  tbody.replaceChildren(...answer.songs.map(s => {
    const old = before && before.counts.get(s.song);
    const rate = old !== undefined && old !== null && answer.time > before.time && s.count >= old
      ? format.rates((s.count - old) / (answer.time - before.time)) : '\u2013';
    return el('tr', {}, el('td', { class: 'name', title: clean(s.song) }, clean(s.song)),
      el('td', {}, format.count(s.count)), el('td', {}, rate));
  }));
  $('song-table').hidden = !answer.songs.length;
  $('songs-none').hidden = answer.songs.length > 0;
  setText($('songs-none'), choice.p ? 'No song begins so.' : 'No song has been played yet.');
  songsBefore = { key, counts, time: answer.time };
}
