// Makes elements. What an engine says is only ever text in them: nothing here takes HTML.

/** An element with attributes, listeners (`onclick`) and what is in it: texts, elements, nothing. */
export function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null));
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
