import { comes, is, ok, open, browser, values } from '../page/browser.mjs';

// No HeadlessChrome, which is in the list of bots.
const userAgent = name => `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 ${name}`;

// A page that has an <audio>, and loads no more than it must; then it goes.
const seen = await open(values.url + '/audio.html?preload=metadata', { userAgent: userAgent('Looks/1') });
const duration = await comes('a page knows how long the audio is', () =>
  seen.page.evaluate(() => document.querySelector('audio').duration || 0));
ok(Math.abs(duration - values.seconds) < 2, 'and it is right', duration);
await seen.context.close();

// One that nobody plays, and that is not to be loaded before.
const left = await open(values.url + '/audio.html?preload=none', { userAgent: userAgent('Waits/1') });
await comes('a page is there', () => left.page.evaluate(() => document.readyState === 'complete'));
await left.context.close();

// One that is played.
const heard = await open(values.url + '/audio.html?preload=none', { userAgent: userAgent('Plays/1') });
await heard.page.locator('button').click();
await comes('it plays', () => heard.page.evaluate(() => document.querySelector('audio').currentTime > 0.5));
await heard.page.evaluate(() => { document.querySelector('audio').currentTime = 60; });
await comes('and goes on elsewhere', () => heard.page.evaluate(() => document.querySelector('audio').currentTime > 60.5));
await comes('until enough is there', () => heard.page.evaluate(() => {
  const { buffered } = document.querySelector('audio');
  let sum = 0;
  for (let i = 0; i < buffered.length; i++) sum += buffered.end(i) - buffered.start(i);
  return sum > 22;
}));
await heard.context.close();
console.log('done');
await browser.close();
