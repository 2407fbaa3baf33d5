// Apps and their roles: who may have which credential, and how many are out.

import { list, read } from './api.js';
import { count, el, note, origin, time, words } from './dom.js';
import { each, leases, mounts } from './found.js';
import { paged } from './table.js';
import { credentials } from './trail.js';

/** The paths that a policy lets read. What is no plain block of a path is passed over. */
function readable(policy) {
  const blocks = policy.matchAll(/path\s+"([^"]+)"\s*\{([^}]*)\}/g);
  return [...blocks].filter(([, , rules]) => /"read"/.test(rules) && !/"deny"/.test(rules)).map(([, path]) => path);
}

/** Whether a path of a policy is one of a role's credentials. */
function grants(path, { mount, role }) {
  return ['creds', 'sts'].some((folder) => {
    const place = `${mount}${folder}/${role}`;
    return path.endsWith('*') ? place.startsWith(path.slice(0, -1)) : path === place;
  });
}

/** The apps, by the policies that an estate makes for each, with what these let read. */
async function apps(notes) {
  const found = new Map();
  try {
    const names = (await list('sys/policies/acl')).filter((name) => name.startsWith('app-'));
    await each(names, async (name) => {
      found.set(name.slice(4), readable((await read(`sys/policies/acl/${name}`)).data.policy));
    });
  } catch (error) {
    if (error.status !== 403) throw error;
    notes.push(`Which app may have which role is in the policies. ${error.message}`);
  }
  return found;
}

async function roles(notes) {
  const found = [];
  const all = await mounts().catch((error) => {
    if (error.status !== 403) throw error;
    notes.push(error.message);
    return [];
  });
  for (const mount of all) {
    try {
      for (const role of await list(`${mount}roles`)) found.push({ mount, role });
    } catch (error) {
      if (error.status !== 403) throw error;
      notes.push(error.message);
    }
  }
  return found;
}

const linked = (prefixes, number) => (number ? el('a', { href: `#leases/${encodeURIComponent(prefixes[0])}` }, count(number, 'lease')) : 'none');

const COLUMNS = [
  { title: 'Role', cell: ({ mount, role }) => `${mount}${role}` },
  { title: 'Apps', cell: (one) => one.apps.join(', ') || '–' },
  { title: 'Credential', cell: (one) => one.type ?? '…' },
  { title: 'Live leases', cell: (one) => linked(one.prefixes, one.live) },
  { title: 'Issued last', cell: (one) => time(one.last?.since) },
  { title: 'From commit, review', cell: (one) => origin(one.last) },
];

/** Says of each role what is known besides. */
function fill(all, byApp, live, trail) {
  const last = new Map((trail?.all ?? []).map((one) => [`${one.mount ?? ''}${one.role}`, one]));
  const counted = new Map();
  for (const { prefix } of live) counted.set(prefix, (counted.get(prefix) ?? 0) + 1);
  for (const one of all) {
    one.apps = [...byApp].filter(([, paths]) => paths.some((path) => grants(path, one))).map(([name]) => name).sort();
    one.prefixes = ['creds', 'sts'].map((folder) => `${one.mount}${folder}/${one.role}/`).filter((prefix) => counted.has(prefix));
    one.live = one.prefixes.reduce((sum, prefix) => sum + counted.get(prefix), 0);
    one.last = last.get(`${one.mount}${one.role}`);
  }
}

/** The part of the page. */
export async function view(main, { isCurrent }) {
  const notes = [];
  const [all, byApp, live, trail] = await Promise.all([
    roles(notes), apps(notes), leases(),
    credentials().catch((error) => { notes.push(`What was issued last tells the trail. ${error.message}`); }),
  ]);
  if (!isCurrent()) return;
  fill(all, byApp, live.found, trail);
  const table = paged({
    caption: 'Roles', word: 'role', columns: COLUMNS,
    shown: async (rows) => {
      const missing = rows.filter((one) => !one.type);
      await each(missing, async (one) => {
        try {
          one.type = (await read(`${one.mount}roles/${one.role}`)).data.credential_type;
        } catch (error) {
          one.type = error.status === 403 ? 'may not be read' : 'gone';
        }
      });
      if (missing.length && isCurrent()) table.draw();
    },
  });
  const search = el('input', { type: 'search', id: 'search', autocomplete: 'off', spellcheck: 'false' });
  const draw = () => table.show(all.filter((one) => {
    const text = `${one.mount}${one.role} ${one.apps.join(' ')}`.toLowerCase();
    return words(search.value).every((word) => text.includes(word));
  }));
  search.addEventListener('input', () => { table.first(); draw(); });
  const without = [...byApp.keys()].filter((name) => !all.some((one) => one.apps.includes(name))).sort();
  const said = new Set([...notes, ...live.refused.map(({ message }) => message)]);
  main.replaceChildren(el('h2', {}, 'Apps and their roles'), ...[...said].map((one) => note(one)),
    el('div', { class: 'tools' }, el('label', {}, 'Search: role, app', search)), table.element,
    ...without.length ? [el('p', { class: 'small' }, `Apps without a role here: ${without.join(', ')}.`)] : []);
  draw();
}
