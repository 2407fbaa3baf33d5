// The trail: what was issued and what became of it, and what was asked of late.

import { el, note, origin, time, who, words } from './dom.js';
import { paged } from './table.js';
import { ask, credentials, remarks } from './trail.js';

/** The last lines that are read for what was asked. */
const LATE = 5_000;

/** In hours. */
const SPANS = { '': 'ever', '1h': 'the last hour', '24h': 'the last day', '168h': 'the last week', '720h': 'the last 30 days' };

const choice = (id, options) => el('select', { id }, Object.entries(options).map(([value, title]) => el('option', { value }, title)));

/** Fills a select anew, and keeps what is chosen. */
function refill(select, first, values) {
  const before = select.value;
  const all = [...new Set(values.filter(Boolean))].sort();
  select.replaceChildren(el('option', { value: '' }, first), ...all.map((value) => el('option', { value }, value)));
  if (all.includes(before)) select.value = before;
}

const place = (one) => `${one.mount ?? ''}${one.role}`;

const ISSUED = [
  { title: 'Since', cell: (one) => time(one.since) },
  { title: 'Who', cell: who },
  { title: 'Role', cell: place },
  { title: 'Access key', kind: 'id', cell: (one) => one.access_key_id ?? '–' },
  { title: 'User or session', kind: 'id', cell: (one) => one.session || one.iam_user || '–' },
  { title: 'Until', cell: (one) => time(one.until) },
  { title: 'State', cell: (one) => [one.state, one.reason && one.state !== 'active' ? el('div', { class: 'small' }, one.reason) : null] },
  { title: 'Commit, review', cell: origin },
];

const ASKED = [
  { title: 'Time', cell: (line) => time(line.time) },
  { title: 'Who', cell: (line) => line.auth?.display_name ?? (line.event ? 'the engine' : '–') },
  { title: 'From', cell: (line) => line.request?.remote_address ?? '–' },
  { title: 'What', cell: (line) => line.request?.operation ?? line.event?.name ?? '–' },
  { title: 'Where', kind: 'id', cell: (line) => line.request?.path ?? line.credential?.lease_id ?? '–' },
  { title: 'Outcome', cell: (line) => line.error ?? line.event?.reason ?? 'done' },
];

/** A table and what narrows it. */
function part({ columns, word, caption, filters, load, matches }) {
  const told = el('div');
  let all = [];
  const table = paged({ caption, word, columns });
  const draw = () => table.show(all.filter(matches));
  for (const [, input] of filters) input.addEventListener('input', () => { table.first(); draw(); });
  return {
    element: el('div', {}, told, el('div', { class: 'tools' }, filters.map(([title, input]) => el('label', {}, title, input))), table.element),
    load: async () => {
      try {
        const { rows, notes } = await load((at, last) => { told.replaceChildren(note(`Reading the trail: line ${at} of ${last} …`)); });
        all = rows;
        told.replaceChildren(...notes.map((one) => note(one)));
        draw();
      } catch (error) {
        told.replaceChildren(note(error.message, 'bad'));
      }
    },
  };
}

function ofCredentials() {
  const search = el('input', { type: 'search', id: 'search', autocomplete: 'off', spellcheck: 'false' });
  const [app, role, state] = ['app', 'role', 'state'].map((name) => choice(`by-${name}`, { '': 'all' }));
  const span = choice('by-span', SPANS);
  return part({
    word: 'credential', columns: ISSUED, caption: 'Credentials that were issued',
    filters: [['Search: access key, user, commit', search], ['App', app], ['Role', role], ['State', state], ['Issued in', span]],
    matches: (one) => {
      const from = span.value && new Date(Date.now() - parseInt(span.value, 10) * 3_600_000).toISOString();
      const has = [one.lease_id, one.by, one.from, one.access_key_id, one.iam_user, one.session, one.commit, one.review, one.plan, one.source];
      const text = has.filter(Boolean).join(' ').toLowerCase();
      return (!app.value || one.app === app.value) && (!role.value || place(one) === role.value)
        && (!state.value || one.state === state.value) && (!from || one.since >= from)
        && words(search.value).every((word) => text.includes(word));
    },
    load: async (progress) => {
      const trail = await credentials(progress);
      refill(app, 'all', trail.all.map((one) => one.app));
      refill(role, 'all', trail.all.map(place));
      refill(state, 'all', trail.all.map((one) => one.state));
      return { rows: [...trail.all].reverse(), notes: remarks(trail) };
    },
  });
}

/** The last lines of the trail, the newest first. */
async function late() {
  const { data: { head } } = await ask({ limit: 1 });
  const rows = [];
  const begin = Math.max(0, head.seq - LATE);
  let [after, at] = [begin, 0];
  for (let more = true; more;) {
    const { data } = await ask({ after, at, limit: LATE });
    for (const text of data.lines) {
      const line = JSON.parse(text);
      // A request that was answered has a line for each.
      if (line.type !== 'request') rows.push(line);
    }
    [after, at, more] = [data.after, data.at, data.more];
  }
  return { rows: rows.reverse(), notes: begin ? [`The last ${LATE.toLocaleString('en')} lines; leasehold trail tells all.`] : [] };
}

function ofRequests() {
  const search = el('input', { type: 'search', id: 'search', autocomplete: 'off', spellcheck: 'false' });
  const outcome = choice('by-outcome', { '': 'all', done: 'done', refused: 'refused or failed' });
  return part({
    word: 'line', columns: ASKED, caption: 'What was asked', load: late,
    filters: [['Search: who, path, operation', search], ['Outcome', outcome]],
    matches: (line) => {
      const text = ASKED.slice(1).map(({ cell }) => cell(line)).join(' ').toLowerCase();
      return (!outcome.value || (outcome.value === 'refused') === Boolean(line.error)) && words(search.value).every((word) => text.includes(word));
    },
  });
}

/** The part of the page. */
export async function view(main) {
  const kind = choice('kind', { issued: 'credentials that were issued', asked: 'what was asked' });
  const inner = el('div');
  let current;
  const choose = async () => {
    current = kind.value === 'issued' ? ofCredentials() : ofRequests();
    inner.replaceChildren(current.element);
    await current.load();
  };
  kind.addEventListener('input', choose);
  main.replaceChildren(el('h2', {}, 'Trail'),
    el('div', { class: 'tools' }, el('label', {}, 'Show', kind), el('button', { type: 'button', id: 'again', onclick: () => current.load() }, 'Look again')), inner);
  await choose();
}
