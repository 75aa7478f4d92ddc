/* The page: its charts, its controls, and drawing all of it. */
'use strict';

const per = (name, d, i) => d.seconds[i] > 0 ? d[name][i] / d.seconds[i] : null;
const of = (figure, q) => ({ name: { average: 'average', median: 'median', p95: '95th', p99: '99th', p999: '99.9th' }[q],
  of: (d, i) => d.requests[i] ? d[figure][q][i] : null });
const times = figure => ['average', 'median', 'p95', 'p99', 'p999'].map(q => of(figure, q));

const charts = [
  new Chart('rate', 'Requests a second', format.rate, [
    { name: 'all', of: (d, i) => per('requests', d, i) },
    { name: 'errors', of: (d, i) => per('errors', d, i) },
    { name: 'aborted', of: (d, i) => per('aborted', d, i) }]),
  new Chart('request', 'Request time', format.time, times('request_time')),
  new Chart('application', 'Application time', format.time, times('application_time')),
  new Chart('output', 'Output time', format.time, times('output_time')),
  new Chart('blocks', 'Blocks of a response', format.blocks, [of('output_blocks', 'median'), of('output_blocks', 'p95')]),
  new Chart('length', 'Bytes of a response', format.bytes, [of('output_length', 'median'), of('output_length', 'p95')]),
  new Chart('bytes', 'Bytes a second', format.bytes, [
    { name: 'all', of: (d, i) => d.seconds[i] > 0 ? d.output_length.sum[i] / d.seconds[i] : null }]),
];

function drawNow() {
  const m = live.metrics, n = series ? series.start.length : 0;
  const items = [['In flight', m.in_flight]];
  if (n) {
    const i = n - 1, some = series.requests[i] > 0;
    items.unshift(['Requests a second', format.rate(per('requests', series, i) || 0)]);
    const span = choice.m === '60' ? '1 h' : choice.m + ' min';
    items.push([`Errors in ${span}`, format.count(series.errors.reduce((a, b) => a + b, 0))],
      [`Aborted in ${span}`, format.count(series.aborted.reduce((a, b) => a + b, 0))],
      ['Median', some ? format.time(series.request_time.median[i]) : '\u2013'],
      ['95th', some ? format.time(series.request_time.p95[i]) : '\u2013'],
      ['Quantiles within', series.error_percent[i] + ' %']);
  }
  $('now').replaceChildren(...items.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, String(value)))));
}

function draw() {
  if (!live) return;
  setText($('about'), `mod_playcount ${live.version} on ${location.host}` +
    (live.metrics ? `, figures since ${format.when(live.metrics.started)}, every ${live.metrics.interval_seconds} s` : ''));
  drawZones(live.zones);
  drawMedia(live.media);
  const m = live.metrics;
  for (const id of ['charts', 'routes', 'now']) $(id).hidden = !m;
  if (!m) return notice('PlaycountMetrics is On nowhere: only songs are shown.');
  const to = live.time, from = to - choice.m * 60;
  for (const chart of charts) chart.update(known() ? series : null, from, to);
  if (known()) drawNow(); else $('now').replaceChildren();
  drawRoutes();
  drawSlow(m.slow);
  drawEvents(m.events);
}

// The fragment says what is shown; this makes it so.
let applied = {};

function applyChoice() {
  const was = applied;
  applied = { ...choice };
  document.documentElement.dataset.theme = choice.t;
  for (const b of $('ranges').querySelectorAll('button'))
    b.setAttribute('aria-pressed', String(b.value === choice.m));
  $('pause').setAttribute('aria-pressed', String(!!choice.pause));
  $('theme').textContent = { '': 'Theme: system', dark: 'Theme: dark', light: 'Theme: light' }[choice.t] || 'Theme';
  $('up').hidden = !choice.r;
  setText($('scope'), choice.r ? clean(choice.r) : 'All routes');
  document.title = (choice.r ? clean(choice.r) + ' \u2013 ' : '') + location.host;
  for (const [id, key] of [['search', 'q'], ['prefix', 'p']]) if ($(id).value !== choice[key]) $(id).value = choice[key];
  enlarge(choice.big);
  draw();
  if (was.r !== choice.r || was.m !== choice.m || was.z !== choice.z || was.p !== choice.p || (was.pause && !choice.pause))
    askNow();
  showState();
}

let enlarged = null;

function enlarge(key) {
  const chart = charts.find(c => c.key === key) || null;
  if (chart === enlarged) return;
  if (enlarged) { $('charts').insertBefore(enlarged.figure, enlarged.place); enlarged.place.remove(); }
  if (chart) {
    chart.place = el('span');
    $('charts').replaceChild(chart.place, chart.figure);
    setText($('large-title'), chart.title);
    $('large-chart').replaceChildren(chart.figure);
    if (!$('large').open) $('large').showModal();
  } else if ($('large').open) $('large').close();
  (chart || enlarged).plot.focus();
  enlarged = chart;
}

function sortBy(step) {
  const by = COLUMNS.filter(c => c.key !== 'spark').map(c => c.key), at = by.indexOf(choice.sort);
  choose({ sort: by[(at + step + by.length) % by.length] });
}

function nextChart() {
  const plots = charts.map(c => c.plot).filter(p => p.isConnected);
  plots[(plots.indexOf(document.activeElement) + 1) % plots.length].focus();
}

function goTo(id) {
  $(id).focus({ preventScroll: true });
  $(id).scrollIntoView({ block: 'start' });
}

const keys = {
  '/': () => $(document.activeElement.closest('[aria-labelledby=songs-title]') ? 'prefix' : 'search').focus(),
  '?': () => $('help').showModal(),
  o: () => { window.scrollTo(0, 0); $('scope').focus({ preventScroll: true }); },
  r: () => {
    goTo('routes-title');
    const row = document.querySelector('#route-table tbody button');
    if (row) row.focus({ preventScroll: true });
  },
  w: () => goTo('slow-title'),
  g: () => goTo('songs-title'),
  s: () => sortBy(1),
  S: () => sortBy(-1),
  d: () => choose({ dir: choice.dir === 'd' ? 'a' : 'd' }),
  f: nextChart,
  h: holdSlow,
  p: () => choose({ pause: choice.pause ? '' : '1' }),
  t: () => choose({ t: { '': 'dark', dark: 'light', light: '' }[choice.t] ?? '' }),
  u: () => { if (choice.r) choose({ r: '' }, true); },
  e: () => { const f = document.activeElement.closest('figure'); if (f) choose({ big: f.dataset.chart }, true); },
  1: () => choose({ m: '1' }, true), 2: () => choose({ m: '5' }, true),
  3: () => choose({ m: '15' }, true), 4: () => choose({ m: '60' }, true),
};

function begin() {
  for (const m of RANGES) {
    const b = el('button', { type: 'button', value: m, 'aria-pressed': 'false' }, m === 60 ? '1 h' : m + ' min');
    b.addEventListener('click', () => choose({ m: String(m) }, true));
    $('ranges').append(b);
  }
  $('charts').append(...charts.map(c => c.figure));
  makeRouteTable();
  setText($('title'), location.host);
  $('pause').addEventListener('click', keys.p);
  $('theme').addEventListener('click', keys.t);
  $('up').addEventListener('click', keys.u);
  $('help-button').addEventListener('click', keys['?']);
  $('search').addEventListener('input', e => choose({ q: e.target.value }));
  $('prefix').addEventListener('input', e => choose({ p: e.target.value }));
  $('zone').addEventListener('change', e => choose({ z: e.target.value }));
  $('skip').addEventListener('click', e => { e.preventDefault(); $('routes-title').focus(); });
  $('route-table').addEventListener('keydown', moveInRoutes);
  document.querySelector('#routes .scroll').addEventListener('scroll', onRoutesScroll);
  $('routes-all').addEventListener('click', () => showMore(routeRows.length));
  window.addEventListener('beforeprint', () => { if (live && live.metrics) showMore(routeRows.length); });
  $('slow-pause').addEventListener('click', holdSlow);
  for (const b of document.querySelectorAll('[data-close]')) b.addEventListener('click', () => b.closest('dialog').close());
  $('large').addEventListener('close', () => { if (choice.big) choose({ big: '' }); });
  document.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) {
      const typed = { search: 'q', prefix: 'p' }[e.target.id];
      if (e.key === 'Escape' && typed) { e.preventDefault(); choose({ [typed]: '' }); e.target.blur(); }
      return;
    }
    const run = keys[e.key];
    if (run && !document.querySelector('dialog[open]')) { e.preventDefault(); run(); }
  });
  applyChoice();
}

begin();
