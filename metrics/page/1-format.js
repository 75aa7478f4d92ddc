/* How numbers and text from outside are shown. */
'use strict';

// Text from outside enters as text only, without what could disguise it.
function clean(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g, '\ufffd');
}

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === true) node.setAttribute(key, '');
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  for (const child of children) if (child != null) node.append(child);
  return node;
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function digits(value, n) {
  return value.toLocaleString('en', { maximumFractionDigits: n, minimumFractionDigits: 0 });
}

const many = (n, one) => format.count(n) + ' ' + one + (n === 1 ? '' : 's');

const format = {
  count: v => digits(v, 0),
  rate: v => digits(v, v < 10 ? 2 : v < 100 ? 1 : 0),
  // The same below each other, as many decimals for all of one size.
  rates: v => v === 0 ? '0' : v.toLocaleString('en', { minimumFractionDigits: v < 10 ? 2 : v < 100 ? 1 : 0, maximumFractionDigits: v < 10 ? 2 : v < 100 ? 1 : 0 }),
  // Microseconds.
  time: v => v < 1000 ? digits(v, 0) + ' \u00b5s' : v < 1e6 ? digits(v / 1000, v < 1e4 ? 2 : 1) + ' ms'
    : digits(v / 1e6, 2) + ' s',
  blocks: v => digits(v, v < 10 ? 2 : 0),
  bytes: v => {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    while (v >= 1000 && i < 4) { v /= 1000; i++; }
    return digits(v, v < (i ? 100 : 10) ? 1 : 0) + ' ' + units[i];
  },
  clock: s => new Date(s * 1000).toLocaleTimeString('en-GB'),
  lately: s => (new Date(s * 1000).toDateString() === new Date().toDateString() ? format.clock : format.when)(s),
  when: s => new Date(s * 1000).toLocaleString('sv'), // local, as the charts; 2026-01-31 23:59:59
  moment: s => new Date(s * 1000).toISOString().replace('T', ' ').replace(/\.\d+Z/, ' UTC'),
};

// A cell of a CSV file that a spreadsheet would take for a formula is defused.
function csvCell(value) {
  let text = String(value == null ? '' : value);
  if (/^[=+\-@\t\r]/.test(text) && typeof value !== 'number') text = "'" + text;
  return /[",\n\r]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
}

function save(name, blob) {
  const link = el('a', { href: URL.createObjectURL(blob), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
