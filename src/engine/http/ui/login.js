// Who looks: by a token, or by a login that makes one.

import { logIn, logOut, read, Refused, write } from './api.js';
import { el, note } from './dom.js';

/** Whether the token was made for this page, and is to end with it. */
let isOwn = false;

/** Whether the engine knows a token that may not look at itself: it tells the accessors of mounts to no one else. */
async function isKnown() {
  const { data } = await read('sys/internal/ui/mounts');
  return Object.values({ ...data.auth, ...data.secret }).some((mount) => mount.accessor);
}

/** Says who somebody is who shows a token; `own` is whether it was made here. */
async function enter(token, own) {
  logIn(token);
  isOwn = own;
  try {
    const { data } = await read('auth/token/lookup-self');
    return { name: data.display_name, policies: [...new Set([...data.policies ?? [], ...data.identity_policies ?? []])] };
  } catch (error) {
    const known = error.status === 403 && await isKnown();
    if (known) return { name: 'a token that may not look at itself', policies: [] };
    logOut();
    throw error.status === 403 ? new Refused(0, error.path, ['The engine does not know this token: it has ended, or is of another engine.'], '') : error;
  }
}

/** Ends a login. A token that somebody brought stays what it is; one that was made here ends. */
export async function leave() {
  try {
    if (isOwn) await write('auth/token/revoke-self');
  } catch {
    // It ends by itself.
  }
  logOut();
}

const METHODS = {
  token: {
    title: 'Token',
    fields: [['secret', 'Token', 'password']],
    enter: ({ secret }) => enter(secret.trim(), false),
  },
  userpass: {
    title: 'Name and password (userpass)',
    fields: [['mount', 'Method', 'text', 'userpass'], ['name', 'Name', 'text'], ['secret', 'Password', 'password']],
    enter: async ({ mount, name, secret }) => {
      const { auth } = await write(`auth/${mount}/login/${name}`, { password: secret });
      return enter(auth.client_token, true);
    },
  },
  oidc: {
    title: 'The organisation\'s login (OIDC)',
    fields: [['mount', 'Method', 'text', 'oidc'], ['role', 'Role, if not the usual one', 'text', undefined, false]],
    enter: toIssuer,
  },
};

/** What a login with a browser leaves in the tab until the issuer sends it back: no token, and nothing that opens anything. */
const PENDING = 'leasehold-oidc';

/** Sends the browser to the issuer. It comes back to Vault's own address for that, which issuers may know already. */
async function toIssuer({ mount, role }) {
  const nonce = [...crypto.getRandomValues(new Uint8Array(24))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  const { data } = await write(`auth/${mount}/oidc/auth_url`, {
    role, redirect_uri: `${location.origin}/ui/vault/auth/${mount}/oidc/callback`, client_nonce: nonce,
  });
  if (!/^https?:/.test(data.auth_url)) {
    throw new Error(`The engine names no place to log in. Is there such a role, and does it allow ${location.origin}/ui/vault/auth/${mount}/oidc/callback among its allowed_redirect_uris? The engine's log says which.`);
  }
  sessionStorage.setItem(PENDING, JSON.stringify({ mount, nonce }));
  location.assign(data.auth_url);
  // Until the other page is there.
  return new Promise(() => {});
}

/** Ends a login whose browser came back; undefined where none did. What came back is taken out of the address. */
export async function comeBack() {
  const [, mount] = /^\/ui\/vault\/auth\/(.+)\/oidc\/callback$/.exec(decodeURIComponent(location.pathname)) ?? [];
  if (!mount) return undefined;
  const told = new URLSearchParams(location.search);
  history.replaceState(null, '', '/ui/');
  const begun = JSON.parse(sessionStorage.getItem(PENDING) ?? '{}');
  sessionStorage.removeItem(PENDING);
  if (begun.mount !== mount) throw new Error('This login was not begun in this tab: log in again.');
  const names = ['state', 'code', 'error', 'error_description'].filter((name) => told.has(name));
  const { auth } = await read(`auth/${mount}/oidc/callback`, {
    ...Object.fromEntries(names.map((name) => [name, told.get(name)])), client_nonce: begun.nonce,
  });
  return enter(auth.client_token, true);
}

/** The form; calls `done` with who it is. `failed` is what was wrong with a login before. */
export function login(main, done, failed) {
  const chosen = el('select', { id: 'method' }, Object.entries(METHODS).map(([name, { title }]) => el('option', { value: name }, title)));
  const fields = el('div', { class: 'fields' });
  const told = el('div', { id: 'login-told' });
  const button = el('button', { type: 'submit' }, 'Log in');
  const inputs = new Map();
  const draw = () => {
    inputs.clear();
    fields.replaceChildren(...METHODS[chosen.value].fields.map(([name, title, type, usual, required = true]) => {
      const input = el('input', {
        type, id: `login-${name}`, required, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', value: usual,
      });
      inputs.set(name, input);
      return el('label', {}, title, input);
    }));
    [...inputs.values()].find((input) => !input.value)?.focus();
  };
  const form = el('form', {
    class: 'login',
    onsubmit: async (event) => {
      event.preventDefault();
      button.disabled = true;
      told.replaceChildren();
      const values = Object.fromEntries([...inputs].map(([name, input]) => [name, input.value]));
      try {
        done(await METHODS[chosen.value].enter(values));
      } catch (error) {
        told.replaceChildren(note(error.message, 'bad'));
        const again = inputs.get('secret') ?? inputs.get('mount');
        again.focus();
        again.select();
      } finally {
        button.disabled = false;
      }
    },
  }, el('label', {}, 'Log in by', chosen), fields, el('div', {}, button), told);
  chosen.addEventListener('change', draw);
  main.replaceChildren(el('h2', {}, 'Log in'), form,
    el('p', { class: 'small' }, 'What this page shows is what the policies of the login allow. It reads no credentials. The login is kept in memory and is gone with the page.'));
  draw();
  if (failed) told.replaceChildren(note(failed.message, 'bad'));
}
