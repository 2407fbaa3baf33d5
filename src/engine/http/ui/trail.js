// What the trail says about credentials: each line is read once, and what came since when it is asked again. The same as
// `leasehold trail` does with a file (src/trail/query.rs).

import { read, Refused } from './api.js';

/** Lines that are asked for at once, and credentials that are kept. */
const LINES = 10_000;
const KEPT = 200_000;

const fresh = () => ({
  after: 0, at: 0, all: [], byLease: new Map(), standing: new Map(), unreadable: 0, begins: undefined, isFull: false, reading: undefined,
});
let trail = fresh();

/** Forgets it: somebody else looks. */
export const forget = () => { trail = fresh(); };

/** What becomes of a lease, by the engine's events. */
const ENDS = {
  'lease-revoked': ({ detail, reason }) => (detail ? 'works-on' : reason === 'expired' ? 'expired' : 'revoked'),
  'lease-revoke-failed': () => 'revoke-failed',
  'lease-forced': () => 'forced',
  'lease-abandoned': () => 'withheld',
};

function happened(known, { name, reason, detail }, credential, time) {
  if (name === 'lease-renewed') {
    Object.assign(known, { until: credential.expire_time, changed: time });
    return;
  }
  const isOver = known.state === 'cut-off' && ['lease-revoked', 'lease-forced'].includes(name);
  if (!ENDS[name] || isOver) return;
  const state = ENDS[name]({ detail, reason });
  Object.assign(known, { state, changed: time, reason: ['revoke-failed', 'works-on'].includes(state) ? detail ?? reason : reason });
}

/** All sessions of a role were cut off; they go by the same beginning. */
function cutOff(into, sessions, time) {
  if (!sessions?.endsWith('*') || sessions.length < 2) return;
  for (const known of into.all) {
    if (known.session?.startsWith(sessions.slice(0, -1)) && ['active', 'works-on'].includes(known.state)) {
      Object.assign(known, { state: 'cut-off', reason: 'forced', changed: time });
    }
  }
}

function issued(into, { time, auth, request, error, credential }) {
  const made = {
    ...credential, since: time, changed: time, until: credential.expire_time, state: error ? 'withheld' : 'active', reason: error,
    by: auth?.display_name, from: request?.remote_address, mount: request?.mount_point,
  };
  if (into.all.length >= KEPT) into.isFull = true;
  else into.all.push(made);
  return made;
}

/** A line about a key that is under no lease: it is issued to each app that reads it, once, and ends for all of them. */
function standing(into, line) {
  const { type, credential, error, event, time } = line;
  const known = into.standing.get(credential.access_key_id) ?? [];
  if (type === 'response' && !error && !known.some(({ app }) => app === credential.app)) {
    into.standing.set(credential.access_key_id, [...known, issued(into, line)]);
  } else if (type === 'system' && event?.name === 'static-key-deleted') {
    const state = event.reason === 'rotated' ? 'expired' : 'revoked';
    for (const one of known) Object.assign(one, { state, reason: event.reason, changed: time });
  }
}

function take(into, text) {
  let line;
  try {
    line = JSON.parse(text);
  } catch {
    into.unreadable += 1;
    return;
  }
  const { type, credential, event, error, time } = line;
  if (!credential || type === 'request') return;
  if (type === 'system' && event?.name === 'sessions-cut-off') cutOff(into, credential.session, time);
  else if (!credential.lease_id) standing(into, line);
  else {
    const known = into.byLease.get(credential.lease_id);
    if (type === 'response' && !known) into.byLease.set(credential.lease_id, issued(into, line));
    else if (type === 'response' && !error) Object.assign(known, { until: credential.expire_time, changed: time });
    else if (type === 'system' && known && event) happened(known, event, credential, time);
  }
}

async function readOn(into, progress) {
  for (;;) {
    const { data } = await ask({ after: into.after, at: into.at, limit: LINES, credentials: true });
    if (data.begins) into.begins = data.begins;
    data.lines.forEach((line) => take(into, line));
    [into.after, into.at] = [data.after, data.at];
    if (!data.more) return;
    progress?.(data.after, data.head.seq);
  }
}

/** A part of the trail. */
export async function ask(query) {
  try {
    return await read('sys/leasehold/trail', query);
  } catch (error) {
    if (error.status !== 403) throw error;
    throw new Refused(403, error.path, [], '`read` and `sudo`');
  }
}

/** Reads what is new, and answers all of it. `progress` is told how far it is. */
export async function credentials(progress) {
  const into = trail;
  into.reading ??= readOn(into, progress).finally(() => { into.reading = undefined; });
  await into.reading;
  const now = new Date().toISOString();
  for (const known of into.all) {
    if (known.state === 'active' && known.until && known.until <= now) known.state = 'overdue';
  }
  return into;
}

/** What about a trail that was read is to be said. */
export function remarks({ begins, unreadable, isFull }) {
  return [
    begins && `The trail begins at line ${begins.toLocaleString('en')}: who has what was issued before is in an older file.`,
    unreadable && `${unreadable.toLocaleString('en')} lines of the trail could not be read; leasehold trail verify tells more.`,
    isFull && `Only the first ${KEPT.toLocaleString('en')} credentials of the trail are shown: leasehold trail --since tells the rest.`,
  ].filter(Boolean);
}
