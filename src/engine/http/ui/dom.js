// Makes elements. What an engine says is only ever text in them: nothing here takes HTML.

/** An element with attributes, listeners (`onclick`) and what is in it: texts, elements, nothing. */
export function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat(2).filter((child) => child !== undefined && child !== null));
  return made;
}

/** The element of that id. */
export const byId = (id) => document.getElementById(id);

/** Tells something in passing, to eyes and to screen readers. */
export function say(text) {
  byId('said').textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { byId('said').textContent = ''; }, 8000);
}

/** A remark beside what is shown. */
export const note = (text, kind = '') => el('p', { class: `note ${kind}`, role: kind === 'bad' ? 'alert' : undefined }, text);

/** A number with its word. */
export const count = (number, word, words = `${word}s`) => `${number.toLocaleString('en')} ${number === 1 ? word : words}`;

/** A time of an engine, as people write it: in UTC, to the second. */
export function time(text) {
  if (!text) return el('span', { class: 'soft' }, '–');
  const shown = text.replace(/\.\d+/, '').replace('T', ' ').replace(/Z$/, '');
  return el('time', { datetime: text, title: 'UTC' }, shown);
}

/** A long name, cut; all of it when the pointer stands on it, and to screen readers. */
export const cut = (text, length = 10) => (text.length > length + 2 ? el('abbr', { title: text }, `${text.slice(0, length)}…`) : text);

const nothing = () => el('span', { class: 'soft' }, '–');

/** Who has what the trail tells of. */
export function who(known) {
  if (!known) return nothing();
  const rest = [known.app && known.by, known.from && `from ${known.from}`].filter(Boolean).join(', ');
  return [known.app ?? known.by ?? '–', rest ? el('div', { class: 'small' }, rest) : null];
}

/** From which commit, review and place its role was. */
export function origin(known) {
  const { commit, review, source } = known ?? {};
  if (!commit && !review && !source) return nothing();
  return [
    el('div', { class: 'id' }, commit ? cut(commit) : 'no commit'),
    review ? el('div', { class: 'small' }, 'review ', el('span', { class: 'id' }, cut(review))) : null,
    source ? el('div', { class: 'small' }, source) : null,
  ];
}

/** The words of a search. */
export const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
