import { act, comes, end, is, ok, open, state, text, values } from './browser.mjs';

// 401 and refused connections are what this is about.
const expected = /status of 401|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|Failed to load resource/;
const counter = page => {
  const seen = { n: 0 };
  page.on('request', r => { if (r.url().includes('format=live')) seen.n++; });
  return seen;
};

// Below a prefix, through a proxy.
const proxied = await open(values.url + 'a/b/figures#m=1');
await comes('live below the prefix of a proxy', async () => await state(proxied.page) === 'live');
is((await proxied.faults()).join('\n'), '', 'without errors');

// Hidden: no polls; back: the gap is filled.
const asked = counter(proxied.page);
await comes('it polls', async () => asked.n > 1);
const hide = hidden => proxied.page.evaluate(h => {
  Object.defineProperty(document, 'hidden', { value: h, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}, hidden);
await hide(true);
await proxied.page.evaluate(() => new Promise(r => setTimeout(r, 3000)));
const asleep = asked.n;
await proxied.page.evaluate(() => new Promise(r => setTimeout(r, 3000)));
is(asked.n, asleep, 'not while nobody looks');
await hide(false);
await comes('again when somebody does', async () => asked.n > asleep);
await comes('without a gap', async () => proxied.page.evaluate(() => series.start.every((s, i) =>
  i === 0 || s - (series.start[i - 1] + series.seconds[i - 1]) < 0.5)));

// A password that is no longer good.
const secret = await open(values.url + 'secret#m=1',
  { httpCredentials: { username: 'me', password: 'tell' }, expected });
await comes('live with a password', async () => await state(secret.page) === 'live');
act('expire');
await comes('signed out without it', async () => await state(secret.page) === 'out');
ok((await text(secret.page, '#notice')).includes('signed out'), 'and says so');
const tries = counter(secret.page);
await secret.page.evaluate(() => new Promise(r => setTimeout(r, 3000)));
is(tries.n, 0, 'no loop of attempts');

// A login page that it is redirected to.
const login = await open(values.url + 'login#m=1', { expected });
await comes('live before the session ends', async () => await state(login.page) === 'live');
act('sign_out');
await comes('a redirection is signed out, too', async () => await state(login.page) === 'out');

// The server goes away and comes back.
const { page } = await open(values.url + 'metrics#m=5', { expected });
await comes('live', async () => await state(page) === 'live');
act('stop');
await comes('stale without a server', async () => await state(page) === 'stale');
await comes('which it says', async () => /Asking again/.test(await text(page, '#notice')));
act('start');
await comes('it goes on by itself and says that the server restarted', async () => await state(page) === 'restarted');
ok(await page.evaluate(() => series.requests.every(n => n >= 0)), 'no number runs backwards');
await end();
