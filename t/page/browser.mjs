// What the scripts of this folder share: a page in Chromium, and lines of TAP that
// Playcount::Browser reads. Nothing waits for a time: every check waits for its condition.
import { createRequire } from 'node:module';

export const values = JSON.parse(process.env.VALUES);
const require = createRequire(values.packages + '/node_modules/');
const { chromium } = require('playwright-core');
export const axe = require.resolve('axe-core/axe.min.js');

const PATIENCE = 60000;

export const browser = await chromium.launch({
  executablePath: values.chromium,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

export function ok(good, what, seen) {
  console.log(`${good ? 'ok' : 'not ok'} ${what}`);
  if (!good && seen !== undefined) console.log('got ' + JSON.stringify(seen));
  return good;
}

export function is(got, want, what) { return ok(got === want, what, { got, want }); }

// The Perl side does something.
export function act(name) { process.stdout.write(`DO ${name}\n`); }

// Until `look` gives a true value; the check is that it does.
export async function comes(what, look) {
  const end = Date.now() + PATIENCE;
  let seen;
  while (Date.now() < end) {
    seen = await look().catch(e => { seen = String(e); return false; });
    if (seen) return ok(true, what), seen;
    await new Promise(r => setTimeout(r, 50));
  }
  for (const c of browser.contexts()) for (const p of c.pages())
    console.log('# ' + p.url() + ' ' + (await p.locator('body').innerText()).slice(0, 1500));
  return ok(false, what, seen), seen;
}

// A page whose errors and violations of its policy are failures, told by faults().
export async function open(url, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults = [];
  page.setDefaultTimeout(PATIENCE);
  page.on('pageerror', e => faults.push(e.message));
  page.on('console', m => { if (m.type() === 'error' && !options.expected?.test(m.text())) faults.push(m.text()); });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener('securitypolicyviolation', e => window.violations.push(e.violatedDirective));
  });
  await page.goto(url);
  return { page, context, faults: async () => [...faults, ...await page.evaluate(() => window.violations)] };
}

export const text = (page, selector) => page.locator(selector).first().textContent();
export const state = page => page.locator('#state').getAttribute('data-state');
export const path = (page, chart, line) =>
  page.evaluate(([c, l]) => document.querySelector(`[data-chart=${c}] svg path.c${l}`)?.getAttribute('d') || '', [chart, line]);

export async function end() {
  await browser.close();
  console.log('done');
}
