/* What was chosen, all of it in the URL's fragment: Back works, and a link shows a
 * colleague the same. */
'use strict';

const RANGES = [1, 5, 15, 60];
const DEFAULTS = { m: '5', r: '', sort: 'requests', dir: 'd', q: '', off: '', z: '', p: '', pause: '', t: '', big: '' };
let choice = readChoice();

function readChoice() {
  const given = new URLSearchParams(location.hash.slice(1));
  const read = {};
  for (const key of Object.keys(DEFAULTS)) read[key] = given.get(key) ?? DEFAULTS[key];
  if (!RANGES.includes(Number(read.m))) read.m = DEFAULTS.m;
  return read;
}

// `entry`: a step that Back undoes; otherwise the present one is written over.
function choose(changes, entry) {
  Object.assign(choice, changes);
  const fragment = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS)) if (choice[key] !== DEFAULTS[key]) fragment.set(key, choice[key]);
  const url = '#' + fragment;
  if (url !== (location.hash || '#')) history[entry ? 'pushState' : 'replaceState'](null, '', url);
  applyChoice();
}

window.addEventListener('popstate', () => { choice = readChoice(); applyChoice(); });
window.addEventListener('hashchange', () => { choice = readChoice(); applyChoice(); });
