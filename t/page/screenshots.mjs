// Pictures of the live page, for tools/screenshots.
import { comes, end, open, state, values } from './browser.mjs';

for (const [file, options] of [
  ['docs/page.png', { colorScheme: 'dark', viewport: { width: 1280, height: 1000 } }],
  ['build/screenshots/light.png', { colorScheme: 'light', viewport: { width: 1280, height: 1000 } }],
  ['build/screenshots/narrow.png', { viewport: { width: 390, height: 844 } }],
]) {
  const { page, context } = await open(values.url + '#m=1', options);
  await comes('live', async () => await state(page) === 'live' && (await page.locator('#song-table tbody tr').count()) > 3);
  await page.waitForTimeout(2500);
  await page.screenshot({ path: `${values.top}/${file}` });
  await context.close();
}
await end();
