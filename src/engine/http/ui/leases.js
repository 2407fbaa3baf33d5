// The live leases of the engine: whose, since when, until when, from which commit; and their end.

import { write } from './api.js';
import { cut, el, note, origin, time, who, words } from './dom.js';
import { each, leases } from './found.js';
import { endAll, endOne } from './revoke.js';
import { paged } from './table.js';
import { credentials, remarks } from './trail.js';

const KNOWN_BY_TRAIL = 'Who has a lease, its access key, its commit and its review tells the trail.';

/** What can be searched of a lease. */
function text(lease, known) {
  const parts = ['app', 'by', 'from', 'access_key_id', 'iam_user', 'session', 'commit', 'review', 'plan', 'source'];
  return [lease.id, ...parts.map((part) => known?.[part])].filter(Boolean).join(' ').toLowerCase();
}

/** The newest first; what is known of none last, by its name. */
function byAge(about) {
  return (one, other) => {
    const [first, second] = [about(one)?.since ?? '', about(other)?.since ?? ''];
    if (first !== second) return first > second ? -1 : 1;
    return one.id < other.id ? -1 : 1;
  };
}

/** What a lease tells of itself. */
async function lookUp(lease) {
  try {
    const { data } = await write('sys/leases/lookup', { lease_id: lease.id });
    return { since: data.issue_time, until: data.expire_time, state: data.state };
  } catch (error) {
    return { state: error.status === 403 ? 'may not be looked up' : 'gone' };
  }
}

/** What the table shows of a lease; `end` asks for its end. */
function columns(ofTrail, about, end) {
  return [
    { title: 'Role', cell: ({ prefix }) => prefix.replace(/\/$/, '') },
    { title: 'Who', cell: (lease) => who(ofTrail(lease)) },
    { title: 'Access key', kind: 'id', cell: (lease) => ofTrail(lease)?.access_key_id ?? '–' },
    { title: 'Since', cell: (lease) => time(about(lease)?.since) },
    { title: 'Until', cell: (lease) => time(about(lease)?.until) },
    { title: 'Commit, review', cell: (lease) => origin(ofTrail(lease)) },
    { title: 'State', cell: (lease) => about(lease)?.state ?? '…' },
    { title: 'Lease', kind: 'id', cell: ({ name }) => cut(name) },
    {
      title: 'End',
      cell: (lease) => el('button', { type: 'button', class: 'danger', 'aria-label': `Revoke ${lease.id}`, onclick: () => end(lease) }, 'Revoke'),
    },
  ];
}

/** The part of the page; `chosen` is a role's prefix from the address. */
export async function view(main, { isCurrent, chosen }) {
  const [told, none] = [el('div'), el('div', { role: 'status' })];
  const looked = new Map();
  let [all, trail] = [[], undefined];
  const search = el('input', { type: 'search', id: 'search', autocomplete: 'off', spellcheck: 'false' });
  const role = el('select', { id: 'role' }, el('option', { value: '' }, 'all roles'));
  const end = el('button', { type: 'button', id: 'revoke-all', class: 'danger', disabled: true }, 'Revoke all of the role');
  const ofTrail = (lease) => trail?.byLease.get(lease.id);
  const about = (lease) => ofTrail(lease) ?? looked.get(lease.id);

  const act = async (action) => {
    try {
      if (await action()) await load();
    } catch (error) {
      told.replaceChildren(note(error.message, 'bad'));
    }
  };
  const table = paged({
    caption: 'Live leases', word: 'lease',
    columns: columns(ofTrail, about, (lease) => act(() => endOne(lease.id, ofTrail(lease)))),
    shown: async (rows) => {
      const missing = rows.filter((lease) => !about(lease));
      await each(missing, async (lease) => { looked.set(lease.id, await lookUp(lease)); });
      if (missing.length && isCurrent()) table.draw();
    },
  });
  const draw = () => {
    const asked = words(search.value);
    const shown = all.filter((lease) => {
      if (role.value && lease.prefix !== role.value) return false;
      const has = text(lease, ofTrail(lease));
      return asked.every((word) => has.includes(word));
    });
    end.disabled = !role.value || !all.some(({ prefix }) => prefix === role.value);
    table.show(shown);
    // A key that was found somewhere may be of a lease that has ended.
    const ended = shown.length || asked.length !== 1 ? undefined : trail?.all.find((one) => one.access_key_id?.toLowerCase() === asked[0]);
    none.replaceChildren(...ended
      ? [note(`No live lease has ${ended.access_key_id}. It was issued to ${ended.app ?? ended.by} at ${ended.since}, and is ${ended.state} since ${ended.changed}.`)]
      : []);
  };
  const drawRoles = (before) => {
    const prefixes = [...new Set(all.map(({ prefix }) => prefix))].sort();
    role.replaceChildren(el('option', { value: '' }, 'all roles'),
      ...prefixes.map((prefix) => el('option', { value: prefix }, prefix.replace(/\/$/, ''))));
    role.value = prefixes.includes(before) ? before : '';
  };
  async function load(before = role.value) {
    const notes = [];
    const [{ found, refused }, read] = await Promise.all([
      leases(),
      credentials((at, last) => { told.replaceChildren(note(`Reading the trail: line ${at} of ${last} …`)); }).catch((error) => {
        notes.push(note(`${KNOWN_BY_TRAIL} ${error.message}`));
      }),
    ]);
    if (!isCurrent()) return;
    trail = read;
    all = found.sort(byAge(about));
    told.replaceChildren(...notes, ...refused.map((error) => note(error.message)), ...(trail ? remarks(trail) : []).map((one) => note(one)));
    drawRoles(before);
    draw();
  }
  for (const input of [search, role]) input.addEventListener('input', () => { table.first(); draw(); });
  end.addEventListener('click', () => act(() => endAll(role.value, all.filter(({ prefix }) => prefix === role.value).length)));
  const again = el('button', { type: 'button', id: 'again', onclick: () => act(async () => { looked.clear(); return true; }) }, 'Look again');
  main.replaceChildren(el('h2', {}, 'Live leases'), told,
    el('div', { class: 'tools' }, el('label', {}, 'Search: app, access key, commit, lease', search), el('label', {}, 'Role', role), end, again),
    none, table.element);
  await load(chosen);
}
