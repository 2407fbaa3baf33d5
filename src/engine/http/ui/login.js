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
};

/** The form; calls `done` with who it is. */
export function login(main, done) {
  const chosen = el('select', { id: 'method' }, Object.entries(METHODS).map(([name, { title }]) => el('option', { value: name }, title)));
  const fields = el('div', { class: 'fields' });
  const told = el('div', { id: 'login-told' });
  const button = el('button', { type: 'submit' }, 'Log in');
  const inputs = new Map();
  const draw = () => {
    inputs.clear();
    fields.replaceChildren(...METHODS[chosen.value].fields.map(([name, title, type, usual]) => {
      const input = el('input', {
        type, id: `login-${name}`, required: true, autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', value: usual,
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
        inputs.get('secret')?.focus();
        inputs.get('secret')?.select();
      } finally {
        button.disabled = false;
      }
    },
  }, el('label', {}, 'Log in by', chosen), fields, el('div', {}, button), told);
  chosen.addEventListener('change', draw);
  main.replaceChildren(el('h2', {}, 'Log in'), form,
    el('p', { class: 'small' }, 'What this page shows is what the policies of the login allow. It reads no credentials. The login is kept in memory and is gone with the page.'));
  draw();
}
