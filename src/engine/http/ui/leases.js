// The leases of the engine: whose, since when, until when; and their end.

import { list, read, write } from './api.js';
import { count, el, note, say, time } from './dom.js';
import { question } from './question.js';
import { paged } from './table.js';

/** How many requests are on their way at once. */
const AT_ONCE = 6;

/** Does something for each, a few at a time. */
async function each(items, act) {
  const queue = [...items];
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
  }));
}

/** The mounts of a type, as far as the token may know them. */
export async function mounts(type) {
  const all = await read('sys/mounts').then(({ data }) => data, async (error) => {
    if (error.status !== 403) throw error;
    return (await read('sys/internal/ui/mounts')).data.secret;
  });
  return Object.entries(all).filter(([, mount]) => mount.type === type).map(([path]) => path);
}

/** All leases below a prefix that ends in a slash, and what was refused on the way. */
async function below(prefix, found, refused) {
  try {
    const names = await list(`sys/leases/lookup/${prefix}`);
    for (const name of names.filter((one) => !one.endsWith('/'))) found.push({ id: prefix + name, prefix });
    await each(names.filter((one) => one.endsWith('/')), (name) => below(prefix + name, found, refused));
  } catch (error) {
    if (error.status !== 403) throw error;
    refused.push({ prefix, error });
  }
}

/** The leases of a mount. Who may not list them all may be allowed those of some roles. */
async function ofMount(mount, found, refused) {
  const denied = [];
  await below(mount, found, denied);
  for (const { prefix, error } of denied) {
    if (prefix !== mount) refused.push(error);
    else {
      const roles = await list(`${mount}roles`).catch(() => []);
      const inner = [];
      await each(roles, (role) => below(`${mount}creds/${role}/`, found, inner));
      refused.push(...(inner.length || !roles.length ? [error] : []));
    }
  }
}

/** What the leases tell of themselves, and what not. */
async function leases() {
  const [found, refused] = [[], []];
  for (const mount of await mounts('aws')) await ofMount(mount, found, refused);
  return { found, refused };
}

/** Asks, ends a lease, and says what came of it. */
async function endOne(lease) {
  const yes = await question('Revoke this lease?', [
    el('p', { class: 'id' }, lease.id),
    'Its credential stops working at once, for whoever has it, and does not come back. An app that still needs one has to ask for another.',
  ], 'Revoke');
  if (!yes) return false;
  const { warnings } = await write('sys/leases/revoke', { lease_id: lease.id });
  say(['Revoked.', ...warnings ?? []].join(' '));
  return true;
}

/** The same of all of a role. */
async function endAll(prefix, number) {
  const yes = await question(`Revoke ${count(number, 'lease')}?`, [
    el('p', {}, 'All leases below ', el('code', {}, prefix), ', also those that came since this page was loaded.'),
    'Their credentials stop working at once, for everybody who has one. Apps that still need one have to ask for another.',
  ], number === 1 ? 'Revoke it' : `Revoke all ${number}`);
  if (!yes) return false;
  const { data, warnings } = await write(`sys/leases/revoke-prefix/${prefix.replace(/\/$/, '')}`);
  say([`Revoked ${count(data?.revoked ?? number, 'lease')}.`, ...warnings ?? []].join(' '));
  return true;
}

/** The part of the page. */
export async function view(main, { isCurrent }) {
  const told = el('div');
  const state = { all: [], known: new Map() };
  const search = el('input', { type: 'search', id: 'lease-search', autocomplete: 'off', spellcheck: 'false' });
  const role = el('select', { id: 'lease-role' }, el('option', { value: '' }, 'all roles'));
  const all = el('button', { type: 'button', id: 'revoke-all', class: 'danger', disabled: true }, 'Revoke all of the role');
  const about = (lease) => state.known.get(lease.id);
  const field = (name) => (lease) => time(about(lease)?.[name]);

  const act = async (action) => {
    try {
      if (await action()) await load();
    } catch (error) {
      told.replaceChildren(note(error.message, 'bad'));
    }
  };
  const table = paged({
    caption: 'Leases', word: 'lease',
    columns: [
      { title: 'Role', cell: (lease) => lease.prefix.replace(/\/$/, '') },
      { title: 'Since', cell: field('issue_time') },
      { title: 'Until', cell: field('expire_time') },
      { title: 'State', cell: (lease) => about(lease)?.state ?? about(lease)?.why ?? '…' },
      { title: 'Lease', class: 'id', cell: (lease) => lease.id.slice(lease.prefix.length) },
      {
        title: 'End',
        cell: (lease) => el('button', {
          type: 'button', class: 'danger', 'aria-label': `Revoke ${lease.id}`, onclick: () => act(() => endOne(lease)),
        }, 'Revoke'),
      },
    ],
    each: async (rows) => {
      const missing = rows.filter((lease) => !state.known.has(lease.id));
      await each(missing, async (lease) => {
        try {
          state.known.set(lease.id, (await write('sys/leases/lookup', { lease_id: lease.id })).data);
        } catch (error) {
          state.known.set(lease.id, { why: error.status === 403 ? 'may not be looked at' : 'gone' });
        }
      });
      if (missing.length && isCurrent()) table.draw();
    },
  });
  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = state.all.filter((lease) => (!role.value || lease.prefix === role.value)
      && words.every((word) => lease.id.toLowerCase().includes(word)));
    all.disabled = !role.value || !shown.length;
    table.show(shown);
  };
  const drawRoles = () => {
    const prefixes = [...new Set(state.all.map((lease) => lease.prefix))].sort();
    const before = role.value;
    role.replaceChildren(el('option', { value: '' }, 'all roles'), ...prefixes.map((prefix) => el('option', { value: prefix }, prefix.replace(/\/$/, ''))));
    role.value = prefixes.includes(before) ? before : '';
  };
  async function load() {
    const { found, refused } = await leases();
    if (!isCurrent()) return;
    state.all = found.sort((one, other) => (one.id < other.id ? -1 : 1));
    told.replaceChildren(...refused.map((error) => note(error.message)));
    drawRoles();
    draw();
  }
  for (const input of [search, role]) input.addEventListener('input', () => { table.first(); draw(); });
  all.addEventListener('click', () => act(() => endAll(role.value, state.all.filter((lease) => lease.prefix === role.value).length)));
  const again = el('button', { type: 'button', id: 'again', onclick: () => act(async () => { state.known.clear(); return true; }) }, 'Look again');
  main.replaceChildren(el('h2', {}, 'Live leases'), told,
    el('div', { class: 'tools' }, el('label', {}, 'Search', search), el('label', {}, 'Role', role), all, again), table.element);
  await load();
}
