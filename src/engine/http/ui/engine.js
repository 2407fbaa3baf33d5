// The engine: whether it works, how it is sealed, where its trail goes; and what this login may do.

import { health, read, write } from './api.js';
import { el, note, time } from './dom.js';

/** What the parts of the page ask, and for what. */
const ASKED = {
  'sys/leases/lookup/aws/': ['list', 'see the leases'],
  'sys/leases/revoke': ['update', 'revoke a lease'],
  'sys/leases/revoke-prefix/aws/creds/': ['sudo', 'revoke all leases of a role'],
  'sys/leasehold/trail': ['sudo', 'read the trail'],
  'sys/policies/acl': ['list', 'see apps and their roles'],
  'sys/audit': ['sudo', 'see the audit devices'],
};

const facts = (rows) => el('dl', {}, rows.filter(([, value]) => value !== undefined).map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));

/** A section, or why it can't be told. */
async function section(title, needs, make) {
  try {
    return [el('h2', {}, title), ...await make()];
  } catch (error) {
    const isRefused = error.status === 403;
    return [el('h2', {}, title), note(isRefused ? `This token may not ask ${error.path}: it needs ${needs} there.` : error.message, isRefused ? '' : 'bad')];
  }
}

async function state() {
  const told = await health();
  const failing = Object.entries(told.failing ?? {});
  return [
    ...failing.map(([what, why]) => note(`${what} does not work: ${why}`, 'bad')),
    facts([
      ['Serves requests', told.sealed ? 'no: it is sealed' : failing.length ? 'not all' : 'yes'],
      ['Version', told.leasehold_version ?? told.version], ['Serves clients of Vault', told.version],
      ['Its time', time(new Date(told.server_time_utc * 1000).toISOString())], ['Its id', told.cluster_id],
    ]),
  ];
}

async function seal() {
  const told = await read('sys/seal-status');
  const kinds = { file: 'a key in a file', awskms: 'a key that AWS KMS wraps', shamir: `${told.t} of ${told.n} people, each with a share` };
  return [facts([
    ['Sealed', told.sealed ? `yes; ${told.progress} of ${told.t} shares are there` : 'no'],
    ['Unsealed by', kinds[told.type] ?? told.type], ['Storage', told.storage_type],
  ])];
}

async function devices() {
  const all = Object.entries((await read('sys/audit')).data);
  if (!all.length) return [note('There is none: nobody can tell later who was given what.', 'bad')];
  return all.map(([path, device]) => facts([
    ['Device', path], ['Type', device.type], ['Description', device.description || undefined],
    ...Object.entries(device.options ?? {}).map(([name, value]) => [name, String(value)]),
  ]));
}

async function own() {
  const [told, may] = await Promise.all([
    read('auth/token/lookup-self').then(({ data }) => data).catch(() => undefined),
    write('sys/capabilities-self', { paths: Object.keys(ASKED) }).then(({ data }) => data),
  ]);
  const can = ([path, [capability]]) => may[path]?.some((one) => one === capability || one === 'root');
  const names = (yes) => Object.entries(ASKED).filter((asked) => Boolean(can(asked)) === yes).map(([, [, what]]) => what).join('; ') || 'nothing';
  return [facts([
    ['Name', told?.display_name], ['Policies', told && [...told.policies ?? [], ...told.identity_policies ?? []].join(', ')],
    ['Until', told && (told.expire_time ? time(told.expire_time) : 'it has no end')],
    ['May', names(true)], ['May not', names(false)],
  ])];
}

/** The part of the page. */
export async function view(main, { isCurrent }) {
  const sections = await Promise.all([
    section('Health', '`read`', state), section('Seal', '`read`', seal),
    section('Audit devices', '`read` and `sudo`', devices), section('This login', '`update`', own),
  ]);
  if (isCurrent()) main.replaceChildren(...sections.flat());
}
