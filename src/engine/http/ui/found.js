// What an engine holds, as far as the token may find it.

import { list, read } from './api.js';

/** How many requests are on their way at once. */
const AT_ONCE = 6;

/** Does something for each, a few at a time. */
export async function each(items, act) {
  const queue = [...items];
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await act(item);
  }));
}

/** The AWS engines. Who may not list them is told of those in which something is allowed; where that is none, what is missing. */
export async function mounts() {
  const ofAws = (all) => Object.entries(all).filter(([, mount]) => mount.type === 'aws').map(([path]) => path).sort();
  try {
    return ofAws((await read('sys/mounts')).data);
  } catch (error) {
    if (error.status !== 403) throw error;
    const found = ofAws((await read('sys/internal/ui/mounts')).data.secret);
    if (!found.length) throw error;
    return found;
  }
}

/** All leases below a prefix that ends in a slash, and what was refused on the way. */
async function below(prefix, found, refused) {
  try {
    const names = await list(`sys/leases/lookup/${prefix}`);
    for (const name of names.filter((one) => !one.endsWith('/'))) found.push({ id: prefix + name, prefix, name });
    await each(names.filter((one) => one.endsWith('/')), (name) => below(prefix + name, found, refused));
  } catch (error) {
    if (error.status !== 403) throw error;
    refused.push({ prefix, error });
  }
}

/** The leases of an engine. Who may not list them all may be allowed those of some roles. */
async function ofMount(mount, found, refused) {
  const denied = [];
  await below(mount, found, denied);
  for (const { prefix, error } of denied) {
    const roles = prefix === mount ? await list(`${mount}roles`).catch(() => []) : [];
    const inner = [];
    await each(roles, (role) => below(`${mount}creds/${role}/`, found, inner));
    if (inner.length || !roles.length) refused.push(error);
  }
}

/** All leases of the AWS engines, and what was refused on the way to them. */
export async function leases() {
  const [found, refused] = [[], []];
  try {
    for (const mount of await mounts()) await ofMount(mount, found, refused);
  } catch (error) {
    if (error.status !== 403) throw error;
    refused.push(error);
  }
  return { found, refused };
}
