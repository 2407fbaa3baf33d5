// The end of leases, after a question.

import { write } from './api.js';
import { count, el, say } from './dom.js';
import { question } from './question.js';

/** Asks, ends a lease, and says what came of it; resolves to whether anything was done. `about` is what is known of it. */
export async function endOne(id, about) {
  const whose = about && [about.app ? `the app ${about.app}` : about.by, about.access_key_id].filter(Boolean).join(', ');
  const yes = await question('Revoke this lease?', [
    el('p', { class: 'id' }, id), whose ? `It is of ${whose}.` : '',
    'Its credential stops working, for whoever has it, and does not come back. An app that still needs one has to ask for another.',
  ].filter(Boolean), 'Revoke');
  if (!yes) return false;
  const { warnings } = await write('sys/leases/revoke', { lease_id: id });
  say(['Revoked.', ...warnings ?? []].join(' '));
  return true;
}

/** The same of all below a prefix, which ends in a slash. */
export async function endAll(prefix, number) {
  const yes = await question(`Revoke ${count(number, 'lease')}?`, [
    el('p', {}, 'All leases below ', el('code', {}, prefix), ', also those that came since they were counted.'),
    'Their credentials stop working, for everybody who has one. Apps that still need one have to ask for another.',
  ], number === 1 ? 'Revoke it' : `Revoke all ${number.toLocaleString('en')}`);
  if (!yes) return false;
  const { data, warnings } = await write(`sys/leases/revoke-prefix/${prefix.replace(/\/$/, '')}`);
  say([`Revoked ${count(data?.revoked ?? number, 'lease')}.`, ...warnings ?? []].join(' '));
  return true;
}
