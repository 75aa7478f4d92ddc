import { comes, end, is, open, text, values } from './browser.mjs';

const { page, faults } = await open(values.url);
await comes('the page says why', async () =>
  /The delivery is failing \(\d+ times\): batch \d+ of zone default .*no connection/.test(await text(page, '#zones')));
is((await faults()).join('\n'), '', 'no errors');
await end();
