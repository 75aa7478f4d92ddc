// Fingers, mice, printers, people whom motion makes ill, and a login page that answers 200.
import { act, comes, end, is, ok, open, path, state, text, values } from './browser.mjs';

const url = values.url + 'metrics#m=1';

// A mouse.
const mouse = await open(url);
const page = mouse.page;
const plot = () => page.locator('[data-chart=request] svg.plot');
const tip = p => p.locator('[data-chart=request] .tip');
await comes('lines', async () => (await path(page, 'request', 2)).includes('L'));
is(await tip(page).isVisible(), false, 'no tool-tip');
await comes('the mouse brings a tool-tip', async () => {
  const box = await plot().boundingBox();
  await page.mouse.move(box.x + box.width - 12, box.y + 60);
  return /^\d\d:\d\d:\d\d.*average .*median .*95th .*99th .*99\.9th /s.test(await tip(page).innerText());
});
ok(await page.evaluate(() => {
  const tip = document.querySelector('[data-chart=request] .tip').getBoundingClientRect();
  return tip.left >= 0 && tip.right <= innerWidth;
}), 'within the window');
const box = await plot().boundingBox();
await page.mouse.move(box.x + box.width / 2, box.y - 60);
await comes('and takes it away', async () => !await tip(page).isVisible());

// The slow requests are held and let go.
await comes('slow requests', async () => await page.locator('#slow-table tbody tr').count() > 0);
const newest = () => page.locator('#slow-table tbody tr').first().innerText();
ok(await page.evaluate(() => { const s = live.metrics.slow; return s.every((x, i) => !i || x.time <= s[i - 1].time); }), 'newest first');
await page.locator('#slow-pause').click();
is(await page.locator('#slow-pause').getAttribute('aria-pressed'), 'true', 'held');
const held = await newest();
act('slow');
await comes('newer ones are counted', async () => /Held; [1-9]\d* newer/.test(await text(page, '#slow-newer')));
is(await newest(), held, 'not shown');
ok(await state(page) === 'live', 'and all else goes on');
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press('h');
await comes('h lets them go', async () => await newest() !== held && await text(page, '#slow-newer') === '');

// Keys that the monitor has, too.
await page.keyboard.press('r');
ok(await page.evaluate(() => document.activeElement.closest('#route-table tbody') !== null), 'r goes to the routes');
const by = () => page.evaluate(() => document.querySelector('#route-table th[aria-sort]').dataset.key);
const was = await by();
await page.keyboard.press('s');
ok(await by() !== was, 's sorts by the next column', await by());
await page.keyboard.press('S');
is(await by(), was, 'S by the one before');
const dir = () => page.locator('#route-table th[aria-sort]').getAttribute('aria-sort');
const down = await dir();
await page.keyboard.press('d');
ok(await dir() !== down, 'd turns the order round');
await page.keyboard.press('d');
for (const [key, id] of [['w', 'slow-title'], ['g', 'songs-title'], ['o', 'scope']]) {
  await page.keyboard.press(key);
  is(await page.evaluate(() => document.activeElement.id), id, `${key} goes to its part of the page`);
}
await page.keyboard.press('g');
await page.keyboard.press('/');
is(await page.evaluate(() => document.activeElement.id), 'prefix', '/ searches songs there');
await page.keyboard.press('Escape');
await page.keyboard.press('/');
is(await page.evaluate(() => document.activeElement.id), 'search', 'and else routes');
await page.keyboard.press('Escape');
await page.keyboard.press('f');
await page.keyboard.press('f');
is(await page.evaluate(() => document.activeElement.closest('figure')?.dataset.chart), 'request', 'f goes from figure to figure');

ok(await text(page, '#songs-none') === 'No song has been played yet.', 'no songs: it says so', await text(page, '#songs-none'));

// Routes to which nothing came, and time that was not measured.
await comes('a silent route has a row', async () => page.evaluate(() => {
  const row = [...document.querySelectorAll('#route-table tbody tr')].find(r => r.textContent.includes('nobody'));
  return row && row.children[1].textContent === '0' && row.children[9].textContent === '\u2013';
}));
ok(/\d+ of them silent/.test(await text(page, '#routes-count')), 'which is said', await text(page, '#routes-count'));
ok(await page.evaluate(() => {
  readRoutes({ ...live.metrics, routes: { ...live.metrics.routes, time: live.time - 40 } }, live.time);
  drawRoutes();
  return /figures of 39 seconds ago/.test(document.getElementById('routes-count').textContent);
}), 'a table that is older than the rest says so');
is(await page.evaluate(() => sparkPath([null, null, 1, 2, null, 3])), 'M48.2 14.3L71.8 7.7M119.0 1.0h.1', 'a gap in a sparkline is a gap');
// An hour, most of which is before the start.
await page.keyboard.press('4');
await comes('before the start nothing was measured', async () => page.evaluate(() =>
  routeRows.length && routeRows.every(r => r.spark.length > 0 && r.spark[0] === null)));
await page.keyboard.press('1');
await comes('the last minute again', async () => (await path(page, 'request', 2)).includes('L'));

// Paper.
await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
is(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)', 'printed on white');
for (const hidden of ['.controls', '.tools', '#search', '#slow-pause'])
  is(await page.locator(hidden).first().isVisible(), false, `${hidden} is not printed`);
ok(await page.evaluate(() => {
  dispatchEvent(new Event('beforeprint'));
  const box = document.querySelector('#routes .scroll');
  return document.querySelectorAll('#route-table tbody tr').length === routeRows.length && box.scrollHeight <= box.clientHeight + 1;
}), 'all routes are printed, none in a box that scrolls');
await page.emulateMedia({ media: 'screen', colorScheme: 'light' });

// Motion.
const moves = p => p.evaluate(() => [...document.querySelectorAll('*')].filter(e => {
  const s = getComputedStyle(e);
  return s.animationName !== 'none' || s.transitionDuration.split(',').some(t => parseFloat(t) > 0) || s.scrollBehavior === 'smooth';
}).length);
await page.emulateMedia({ reducedMotion: 'reduce' });
is(await moves(page), 0, 'nothing moves for people who want it so');
is((await mouse.faults()).join('\n'), '', 'no errors');
await mouse.context.close();

// A telephone.
const phone = await open(url, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
await comes('lines on a telephone', async () => (await path(phone.page, 'request', 2)).includes('L'));
await comes('a touch brings the tool-tip, and it stays', async () => {
  await phone.page.locator('[data-chart=request] svg.plot').tap({ position: { x: 250, y: 60 } });
  return /95th/.test(await tip(phone.page).innerText());
});
ok(await phone.page.evaluate(() => {
  const tip = document.querySelector('[data-chart=request] .tip').getBoundingClientRect();
  return tip.left >= 0 && tip.right <= innerWidth;
}), 'within the window');
await phone.page.locator('#songs-title').scrollIntoViewIfNeeded();
ok(await phone.page.evaluate(() => {
  const state = document.getElementById('state').getBoundingClientRect();
  return scrollY > 500 && state.top >= 0 && state.bottom < 60;
}), 'the state is seen wherever one is');
await phone.page.locator('#scope').tap();
await comes('a touch elsewhere takes it away', async () => !await tip(phone.page).isVisible());
const overlapping = p => p.evaluate(() => [...document.querySelectorAll('svg.plot')].filter(svg => {
  const boxes = [...svg.querySelectorAll('text.time')].map(t => t.getBoundingClientRect()).sort((a, b) => a.left - b.left);
  return boxes.length < 2 || boxes.some((b, i) => i && b.left < boxes[i - 1].right + 2);
}).length);
for (const width of [320, 390, 600]) {
  await phone.page.setViewportSize({ width, height: 844 });
  await comes(`times stand apart, ${width} wide`, async () => await overlapping(phone.page) === 0);
  ok(await phone.page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'and it fits');
}
ok(await phone.page.evaluate(() => {
  const cells = [...document.querySelectorAll('#slow-table td:nth-child(3), #route-table td.name')];
  return cells.length && cells.every(c => c.scrollWidth <= c.clientWidth + 1);
}), 'where nothing hovers, long names are not cut');
is((await phone.faults()).join('\n'), '', 'no errors');
await phone.context.close();

// A login that answers with a page of its own, and 200.
const login = await open(values.url + 'login#m=1');
await comes('live before the session ends', async () => await state(login.page) === 'live');
act('sign_out');
await comes('HTML instead of JSON: signed out', async () => await state(login.page) === 'out');
ok(/signed out: something else/.test(await text(login.page, '#notice')), 'which it says', await text(login.page, '#notice'));
let asked = 0;
login.page.on('request', () => asked++);
await login.page.evaluate(() => new Promise(r => setTimeout(r, 3000)));
is(asked, 0, 'and asks no more');
await end();
