import { act, axe, comes, end, is, ok, open, path, state, text, values } from './browser.mjs';
import { readFileSync } from 'node:fs';

const { page, faults } = await open(values.url + '#m=1', { acceptDownloads: true });
const has = (selector, what) => comes(what, async () => await page.locator(selector).count() > 0);
const row = name => page.locator(`#route-table tbody button`, { hasText: name }).first();

await comes('the page is live', async () => await state(page) === 'live');
await comes('lines are drawn', async () => (await path(page, 'rate', 0)).includes('L'));
const before = await path(page, 'rate', 0);
await comes('and move', async () => await path(page, 'rate', 0) !== before);
await comes('request times too', async () => (await path(page, 'request', 2)).length > 0);
await comes('errors are counted apart', async () =>
  await page.locator('#now div', { hasText: 'Errors' }).locator('dd').textContent() !== '0');
await has('#slow-table tbody tr', 'slow requests come');
await has('#song-table tbody tr', 'songs come');
await comes('the highest first', async () => await text(page, '#song-table tbody td') === 'hit');
await comes('with plays a second', async () =>
  Number(await page.locator('#song-table tbody tr').first().locator('td').nth(2).textContent()) > 0);
await page.fill('#prefix', 'oth');
await comes('songs by prefix', async () =>
  (await page.locator('#song-table tbody tr').allTextContents()).join() .startsWith('other'));
await page.fill('#prefix', '');
ok((await text(page, '#zones')).includes('of 100 songs'), 'how full the zone is');
await comes('what became of deliveries of media', async () => /1 played, 1 bot/.test(await text(page, '#media')));
ok((await text(page, '#events')).includes('server started'), 'the start is among the events');

// Routes: search, sort, open, Back.
await has('#route-table tbody tr', 'routes come');
await comes('text from outside is text, without what disguises it', async () => {
  const names = (await page.locator('#route-table tbody td.name').allTextContents()).filter(n => n.includes('x='));
  return names.length && !names.some(n => /[\u202e\u001b]/.test(n)) && !await page.locator('#route-table b').count();
});
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press('/');
is(await page.evaluate(() => document.activeElement.id), 'search', '/ goes to the search');
await page.keyboard.type('n=1');
await comes('which leaves one route', async () => await page.locator('#route-table tbody tr').count() === 1);
ok(page.url().includes('q=n%3D1'), 'and stands in the URL', page.url());
await page.keyboard.press('Escape');
await comes('Escape ends the search', async () => !page.url().includes('q='));
await page.locator('#route-table th[data-key=p95] button').click();
is(await page.locator('#route-table th[data-key=p95]').getAttribute('aria-sort'), 'descending', 'sorted by a click');
const sorted = () => page.evaluate(() => routeRows.length &&
  [...document.querySelectorAll('#route-table tbody td.name')].map(td => td.textContent)[0]);
ok((await sorted()).includes('before=30') || (await sorted()).length > 0, 'the slowest first', await sorted());
await comes('all routes are shown again', async () => await row('n=2').count() > 0);
await row('n=2').focus();
await page.keyboard.press('ArrowUp');
ok(await page.evaluate(() => document.activeElement.closest('tbody') !== null), 'arrows move between rows');
await row('n=2').focus();
await page.keyboard.press('Enter');
await comes('Enter opens the route', async () => (await text(page, '#scope')).includes('n=2'));
ok(page.url().includes('r=GET'), 'which stands in the URL', page.url());
const one = page.url();
await comes('its own line', async () => (await path(page, 'rate', 0)).includes('L'));
await page.goBack();
await comes('Back leaves it', async () => await text(page, '#scope') === 'All routes');
await page.goForward();
await comes('and Forward opens it again', async () => (await text(page, '#scope')).includes('n=2'));
await page.keyboard.press('u');
await comes('u goes up', async () => await text(page, '#scope') === 'All routes');
const shared = await open(one);
await comes('a link shows a colleague the same', async () => (await text(shared.page, '#scope')).includes('n=2'));
await shared.context.close();

// The charts.
await comes('the cursor moves by keys and says the values', async () => {
  await page.locator('[data-chart=request] svg.plot').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('ArrowLeft');
  return /95th/.test(await page.locator('[data-chart=request] .tip').textContent());
});
await page.locator('[data-chart=request] .legend button', { hasText: 'average' }).click();
await comes('a line is switched off', async () => await path(page, 'request', 0) === '');
ok(page.url().includes('off=request.0'), 'in the URL too', page.url());
await page.locator('[data-chart=request] .legend button', { hasText: 'average' }).click();
await page.locator('[data-chart=rate] svg.plot').focus();
await page.keyboard.press('e');
await comes('e enlarges', async () => await page.locator('#large[open] [data-chart=rate]').count() === 1);
await page.keyboard.press('Escape');
await comes('Escape closes', async () => await page.locator('#large[open]').count() === 0);
is(await page.locator('#charts [data-chart=rate]').count(), 1, 'and the chart is back');
await page.locator('[data-chart=rate] summary').click();
await comes('a table holds the numbers', async () => await page.locator('[data-chart=rate] tbody tr').count() > 1);
const [csv] = await Promise.all([page.waitForEvent('download'),
  page.locator('[data-chart=rate] button', { hasText: 'CSV' }).click()]);
ok(/^Time,all,errors,aborted\r\n\d{4}-.*UTC,\d/.test(readFileSync(await csv.path(), 'utf8')), 'CSV');
const [png] = await Promise.all([page.waitForEvent('download'),
  page.locator('[data-chart=rate] button', { hasText: 'PNG' }).click()]);
is(readFileSync(await png.path()).subarray(1, 4).toString(), 'PNG', 'PNG');
is(await page.evaluate(() => csvCell('=1+1')), "'=1+1", 'a cell that would be a formula is defused');

// Pause, theme, ranges, help.
await page.evaluate(() => document.activeElement.blur());
await page.keyboard.press('p');
await comes('p pauses', async () => await state(page) === 'paused');
const still = await path(page, 'rate', 0);
await page.keyboard.press('p');
await comes('and goes on', async () => await state(page) === 'live' && await path(page, 'rate', 0) !== still);
const back = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
await page.emulateMedia({ colorScheme: 'light' });
const light = await back();
await page.emulateMedia({ colorScheme: 'dark' });
ok(await back() !== light, 'dark by the system');
await page.keyboard.press('t');
await page.keyboard.press('t');
is(await back(), light, 'light by the switch');
await page.keyboard.press('t');
await page.keyboard.press('3');
await comes('3 is 15 minutes', async () => page.url().includes('m=15'));
await page.keyboard.press('?');
await comes('? shows the keys', async () => await page.locator('#help[open]').count() === 1);
await page.keyboard.press('Escape');

// What is shown is of what is chosen, paused or not.
const paused = await open(one + '&pause=1');
await comes('a link to a paused page shows something', async () =>
  await state(paused.page) === 'paused' && (await path(paused.page, 'rate', 0)).includes('L'));
const ofRoute = await path(paused.page, 'rate', 0);
await paused.page.keyboard.press('u');
await comes('paused, another choice is shown, too', async () =>
  !['', ofRoute].includes(await path(paused.page, 'rate', 0)));
await paused.context.close();
await page.evaluate(() => new Promise(r => { turn(); askNow(); askNow(); setTimeout(r, 30); }));
is(await page.evaluate(() => poll.wait), 0, 'asking anew is no failure');
is(await page.evaluate(() => {
  const chart = Object.create(charts[0]), gaps = [];
  for (let shift = 0; shift < 8; shift++) {
    const start = Array.from({ length: 3000 }, (_, i) => i + (i >= 1500 + shift ? 600 : 0));
    chart.data = { start, seconds: start.map(() => 1) };
    gaps.push(chart.points({ of: () => 1 }).filter(p => p[2]).length);
  }
  return gaps.join('');
}), '11111111', 'a gap is a gap where there are more intervals than pixels');

// Killed children and restarts.
act('kill_child');
await comes('a killed child is marked', async () => (await text(page, '#events')).includes('child killed'));
act('graceful');
await comes('a graceful restart too', async () => (await text(page, '#events')).includes('graceful restart'));
await comes('also in the charts', async () => await page.locator('[data-chart=rate] .mark.killed').count() > 0);
await comes('and the page is live', async () => await state(page) === 'live');

// People who use other means.
for (const scheme of ['light', 'dark']) {
  await page.emulateMedia({ colorScheme: scheme });
  await page.evaluate(readFileSync(axe, 'utf8') + '\n;0').catch(() => 0);
  const serious = await page.evaluate(async () => (await axe.run(document, { resultTypes: ['violations'] }))
    .violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.id + ': ' + v.nodes[0].html));
  is(serious.join('\n'), '', `axe finds nothing serious (${scheme})`);
}
await page.setViewportSize({ width: 390, height: 800 });
ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390), 'it fits on a telephone');
is((await faults()).join('\n'), '', 'no errors and no violations of the policy');
await end();
