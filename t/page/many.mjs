import { comes, end, is, ok, open, state, text, values } from './browser.mjs';

const { page, context, faults } = await open(values.url + '#m=15');
const rows = () => page.locator('#route-table tbody tr').count();
await comes('live behind nginx', async () => await state(page) === 'live');
await comes('routes are counted', async () => (await text(page, '#routes-count')).startsWith(values.routes));
const first = await rows();
ok(first < 200, 'what is not seen is not drawn', first);
await page.locator('#routes .scroll').evaluate(box => { box.scrollTop = box.scrollHeight; });
await comes('scrolling brings more', async () => await rows() > first);
await page.locator('#routes-all').click();
await comes('every route is in the table', async () => await rows() >= values.routes);

// What the page's thread spends on something until the screen is drawn again, in ms of its
// processor: with all routes, and with those that a search leaves. It must not grow with the
// routes; a machine's speed and what else it does are in both.
const devtools = await context.newCDPSession(page);
await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
async function spent() {
  return 1000 * (await devtools.send('Performance.getMetrics')).metrics.find(m => m.name === 'TaskDuration').value;
}
async function cost(run) {
  const drawn = () => page.evaluate(() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r))));
  await drawn();
  const before = await spent();
  await page.evaluate(run);
  await drawn();
  return await spent() - before;
}
const sort = key => `document.querySelector('#route-table th[data-key=${key}] button').click()`;
const search = text => `{ const s = document.getElementById('search'); s.value = '${text}'; s.dispatchEvent(new Event('input')); }`;
async function same(what, runs) {
  const least = { all: Infinity, few: Infinity };
  for (const run of runs)
    for (const [which, wanted] of [['few', 'n=9'], ['all', '']]) {
      await page.evaluate(search(wanted));
      least[which] = Math.min(least[which], await cost(run));
    }
  console.log(`# ${what}: ${least.all.toFixed(0)} ms of processor, with few routes ${least.few.toFixed(0)} ms`);
  ok(least.all < 3 * least.few + 20, `${what} does not cost more with many routes`, least);
}
await same('sorting', ['p95', 'route', 'requests', 'p99', 'median'].map(sort));
await same('another theme', Array(5).fill("document.getElementById('theme').click()"));
await page.evaluate(search(''));
const few = await rows();
await page.locator('#route-table tbody button').last().focus();
await page.keyboard.press('ArrowDown');
await comes('the arrow keys go beyond what was drawn', async () => await rows() > few);
const name = await text(page, '#route-table tbody td.name');
await page.locator('#route-table tbody button').first().click();
await comes('a route opens', async () => await text(page, '#scope') === name.trim());
await page.goBack();
is((await faults()).join('\n'), '', 'no errors');
await context.close();

// Half an hour in a minute: the page's clock is ours, and the server's answer is a real one
// that moves on. The range is a minute, so all that it keeps has come and gone many times.
const aged = await open('about:blank');
const answer = await (await aged.page.request.get(values.url + '?format=live&minutes=1')).json();
const STEP = 5; // seconds of the server's interval
let now = answer.time, polls = 0;
const columns = (object, length, fill) => Object.fromEntries(Object.entries(object).map(([name, value]) =>
  [name, Array.isArray(value) ? Array(length).fill(fill(name)) : columns(value, length, fill)]));
await aged.page.route('**/*format=live*', route => {
  const since = Number(new URL(route.request().url()).searchParams.get('since') || now - 60);
  const starts = [];
  for (let t = Math.ceil((since + 1) / STEP) * STEP; t < now - STEP; t += STEP) starts.push(t);
  const series = columns(answer.metrics.series, starts.length, name => name === 'seconds' ? STEP : polls % 7);
  series.start = starts;
  const rows = answer.metrics.routes.rows.slice(0, 60).map((r, i) => [`route ${(polls + i) % 90}`, ...r.slice(1)]);
  polls++;
  route.fulfill({ json: { ...answer, time: now, metrics: { ...answer.metrics, series, interval_seconds: STEP,
    events: [{ time: now - 5, event: 'killed', pid: polls }], routes: { ...answer.metrics.routes, rows } } } });
});
await aged.page.clock.install({ time: now * 1000 });
await aged.page.goto(values.url + '#m=1');
const tools = await aged.context.newCDPSession(aged.page);
await tools.send('Performance.enable');
const settled = () => aged.page.waitForFunction(() => !poll.asking && poll.timer !== null, undefined, { polling: 5 });
async function passes(minutes) {
  for (let s = 0; s < minutes * 60; s += STEP) {
    now += STEP;
    await aged.page.clock.runFor(STEP * 1000);
    await settled();
  }
}
async function size() {
  await tools.send('HeapProfiler.collectGarbage');
  const { metrics } = await tools.send('Performance.getMetrics');
  return Object.fromEntries(metrics.filter(m => /^(JSHeapUsedSize|Nodes|JSEventListeners)$/.test(m.name)).map(m => [m.name, m.value]));
}
await settled();
await passes(3);
const young = await size();
await passes(27);
const old = await size();
console.log('# ' + JSON.stringify({ young, old, polls }));
ok(polls > 350, 'half an hour of polls', polls);
is(await state(aged.page), 'live', 'it is still live');
ok(old.Nodes < young.Nodes * 1.1 + 50, 'with as many nodes', { young, old });
ok(old.JSEventListeners < young.JSEventListeners * 1.1 + 20, 'as many listeners');
ok(old.JSHeapUsedSize < young.JSHeapUsedSize + 1e6, 'and as much memory');
await end();
