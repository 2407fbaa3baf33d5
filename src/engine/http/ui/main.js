// The page: who looks, which part of it is shown, and how the engine is.

import { health, isIn } from './api.js';
import { view as trail } from './credentials.js';
import { byId, el, note } from './dom.js';
import { view as engine } from './engine.js';
import { view as leases } from './leases.js';
import { comeBack, leave, login } from './login.js';
import { view as roles } from './roles.js';
import { forget } from './trail.js';

const PARTS = { leases: ['Leases', leases], roles: ['Apps and roles', roles], trail: ['Trail', trail], engine: ['Engine', engine] };

/** How often the engine's health is looked at. */
const LOOK_EVERY = 30_000;

/** Counts the parts that were opened: one that was left draws nothing any more. */
let opened = 0;

/** Shows the part that the address names. */
async function show() {
  const [name, ...rest] = location.hash.slice(1).split('/');
  const [title, view] = PARTS[name] ?? PARTS.leases;
  const current = ++opened;
  const main = byId('main');
  for (const link of byId('parts').children) {
    if (link.textContent === title) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${title} – Leasehold`;
  main.replaceChildren(el('p', { class: 'soft' }, 'Asking the engine …'));
  main.setAttribute('aria-busy', 'true');
  try {
    await view(main, { isCurrent: () => current === opened, chosen: decodeURIComponent(rest.join('/')) });
  } catch (error) {
    if (current === opened) main.replaceChildren(el('h2', {}, title), note(error.message, 'bad'));
  }
  if (current === opened) main.removeAttribute('aria-busy');
}

/** The page of somebody who logged in. */
function enter(who) {
  const out = el('button', { type: 'button', id: 'log-out', onclick: async () => { await leave(); begin(); } }, 'Log out');
  const policies = who.policies.length ? ` (${who.policies.join(', ')})` : '';
  byId('who').replaceChildren(`Logged in as ${who.name}${policies} `, out);
  byId('parts').replaceChildren(...Object.entries(PARTS).map(([name, [title]]) => el('a', { href: `#${name}` }, title)));
  byId('who').hidden = byId('parts').hidden = false;
  show();
  byId('main').focus();
}

/** The page of nobody; `failed` is what was wrong with a login. */
function begin(failed) {
  opened += 1;
  forget();
  byId('who').hidden = byId('parts').hidden = true;
  byId('who').replaceChildren();
  document.title = 'Leasehold';
  login(byId('main'), enter, failed);
}

async function look() {
  const state = byId('state');
  const tell = (kind, text) => {
    // Said again only when it changes, or a screen reader would repeat it.
    if (state.textContent !== text) state.textContent = text;
    state.className = kind;
  };
  try {
    const { initialized, sealed, failing, leasehold_version: version } = await health();
    const failed = Object.keys(failing ?? {});
    if (initialized === false) tell('look', 'Not initialised: leasehold operator init');
    else if (sealed) tell('bad', 'Sealed: leasehold operator unseal');
    else if (failed.length) tell('bad', `Failing: ${failed.join(', ')}`);
    else tell('good', `Up and unsealed${version ? `, Leasehold ${version}` : ''}`);
  } catch (error) {
    tell('bad', error.message);
  }
}

window.addEventListener('hashchange', () => { if (isIn()) show(); });
look();
setInterval(look, LOOK_EVERY);
comeBack().then((who) => (who ? enter(who) : begin()), begin);
