/* Asks the server: one question at a time, with a time limit, backing off without giving
 * up, and not at all while the page is hidden. */
'use strict';

const LIMIT = 10000, LONGEST = 60000;

const poll = { timer: null, asking: null, wait: 0, good: 0, state: 'loading', again: false };
let live = null;      // the last answer
let series = null;    // all its columns, of the chosen route and range
let seriesKey = '';

function setState(state, text) {
  poll.state = state;
  $('state').dataset.state = state;
  setText($('state'), text);
}

function notice(text) {
  $('notice').hidden = !text;
  setText($('notice'), text || '');
}

class SignedOut extends Error {}

async function ask(parameters) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), LIMIT);
  poll.asking = stop;
  try {
    const answer = await fetch('?' + new URLSearchParams(parameters), {
      headers: { Accept: 'application/json' }, redirect: 'manual', cache: 'no-store', signal: stop.signal });
    if (answer.type === 'opaqueredirect' || answer.status === 401 || answer.status === 403)
      throw new SignedOut(answer.status === 403 ? 'The server refuses to show this (403).' : 'You are signed out.');
    if (!answer.ok) throw new Error(`The server answers ${answer.status}.`);
    if (!/^application\/json/.test(answer.headers.get('Content-Type') || ''))
      throw new SignedOut('You are signed out: something else than figures came.');
    return await answer.json();
  } finally {
    clearTimeout(timer);
    poll.asking = null;
  }
}

// Columns with the new ones behind, without what is older than the range.
function extend(old, more, oldest) {
  const from = old ? old.start.findIndex(s => s >= oldest) : -1;
  const keep = old && from >= 0 ? from : old ? old.start.length : 0;
  const known = new Set(old ? old.start : []);
  const fresh = more.start.map((s, i) => i).filter(i => !known.has(more.start[i]));
  const join = (a, b) => [...(a || []).slice(keep), ...fresh.map(i => b[i])];
  const joined = {};
  for (const [name, column] of Object.entries(more))
    if (Array.isArray(column)) joined[name] = join(old && old[name], column);
    else {
      joined[name] = {};
      for (const [q, values] of Object.entries(column)) joined[name][q] = join(old && old[name][q], values);
    }
  return joined;
}

const wantedKey = () => choice.r + '\n' + choice.m;

// There is data for the current selection.
const known = () => live && series && seriesKey === wantedKey();

async function question() {
  const key = wantedKey();
  if (key !== seriesKey) { series = null; seriesKey = key; }
  const parameters = { format: 'live', minutes: choice.m };
  if (series && series.start.length) parameters.since = series.start[series.start.length - 1].toFixed(6);
  if (choice.r) parameters.route = choice.r;
  const answer = await ask(parameters);
  if (key !== seriesKey || key !== wantedKey()) return false; // another choice was made meanwhile
  if (answer.metrics) {
    if (live && live.metrics && live.metrics.started !== answer.metrics.started)
      poll.restarted = Date.now();
    series = extend(series, answer.metrics.series, answer.time - choice.m * 60);
    series.events = answer.metrics.events;
    readRoutes(answer.metrics, answer.time);
  }
  live = answer;
  live.received = Date.now();
  const zone = $('zone').value || (answer.zones[0] && answer.zones[0].zone);
  if (zone) {
    const songsKey = zone + '\n' + choice.p;
    const songs = { format: 'songs', zone, top: 20 };
    if (choice.p) songs.prefix = choice.p;
    const listed = await ask(songs);
    if (songsKey === ($('zone').value || zone) + '\n' + choice.p) drawSongs(listed, songsKey);
  }
  return true;
}

async function turn() {
  poll.timer = null;
  if (poll.asking || document.hidden || (choice.pause && live && (!live.metrics || known()))) return;
  try {
    await question();
    poll.wait = 0;
    notice('');
    draw();
  } catch (error) {
    if (poll.dropped) { poll.dropped = false; return; } // askNow() asks again
    if (error instanceof SignedOut) {
      setState('out', 'signed out');
      notice(error.message + ' Reload the page to sign in again; what is shown is from before.');
      return; // never in a loop
    }
    poll.wait = Math.min(LONGEST, poll.wait ? poll.wait * 2 : 1000);
    notice((error.name === 'AbortError' ? 'The server has not answered in 10 s.'
      : error instanceof TypeError ? 'The server cannot be reached.' : error.message) + ' Asking again.');
  }
  showState();
  schedule(poll.wait || (live && live.metrics ? live.metrics.interval_seconds * 1000 : 5000));
}

function schedule(ms) {
  clearTimeout(poll.timer);
  poll.timer = setTimeout(turn, ms);
}

// Ask at once, after what is asked now.
function askNow() {
  if (poll.state === 'out') return;
  if (poll.asking) { poll.dropped = true; poll.asking.abort(); schedule(50); } else schedule(0);
}

function showState() {
  if (poll.state === 'out') return;
  if (choice.pause) return setState('paused', 'paused');
  if (!live) return setState(poll.wait ? 'stale' : 'loading', poll.wait ? 'not reached' : 'loading');
  const age = Math.round((Date.now() - live.received) / 1000);
  const interval = live.metrics ? live.metrics.interval_seconds : 5;
  if (poll.wait || age > 2 * interval + 2) return setState('stale', `stale for ${age} s`);
  if (poll.restarted && Date.now() - poll.restarted < 60000) return setState('restarted', 'live, server restarted');
  setState('live', 'live');
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(poll.timer);
  else askNow();
});
setInterval(() => { if (!document.hidden) showState(); }, 1000);
