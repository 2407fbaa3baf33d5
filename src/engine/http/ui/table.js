// A table in pages, so that ten thousand rows cost no more than one page of them.

import { count, el } from './dom.js';

/**
 * A table. Columns have a `title`, a `cell(row)` and perhaps a `kind`, the class of their cells; `shown(rows)` is told which rows
 * are, and may find out what is missing and call `draw` again. The first column names the row.
 */
export function paged({ caption, columns, word, words, size = 50, shown: tell }) {
  let rows = [];
  let from = 0;
  const body = el('tbody');
  const shown = el('span', { class: 'small', role: 'status' });
  const move = (by) => () => { from += by * size; draw(); };
  const back = el('button', { type: 'button', onclick: move(-1) }, 'Previous');
  const on = el('button', { type: 'button', onclick: move(1) }, 'Next');
  const head = columns.map(({ title }) => el('th', { scope: 'col' }, title));
  const table = el('table', { 'aria-label': caption }, el('thead', {}, el('tr', {}, head)), body);
  const element = el('div', {},
    el('div', { class: 'table', role: 'region', 'aria-label': caption, tabindex: '0' }, table),
    el('div', { class: 'tools' }, back, on, shown));

  function draw() {
    from = Math.max(0, Math.min(from, Math.floor((rows.length - 1) / size) * size));
    const page = rows.slice(from, from + size);
    // What has the focus is drawn anew: the same button of the same row gets it back.
    const focused = body.contains(document.activeElement) ? [...body.querySelectorAll('button')].indexOf(document.activeElement) : -1;
    body.replaceChildren(...page.map((row) => el('tr', {}, columns.map(({ cell, kind }, at) =>
      el(at ? 'td' : 'th', { class: kind, scope: at ? undefined : 'row' }, cell(row))))));
    const buttons = [...body.querySelectorAll('button')];
    if (focused >= 0) (buttons[focused] ?? buttons.at(-1) ?? element.firstChild).focus();
    [back.disabled, on.disabled] = [from === 0, from + size >= rows.length];
    back.hidden = on.hidden = rows.length <= size;
    shown.textContent = rows.length > size
      ? `${(from + 1).toLocaleString('en')}–${(from + page.length).toLocaleString('en')} of ${count(rows.length, word, words)}`
      : count(rows.length, word, words);
  }

  function show(given) {
    rows = given;
    draw();
    tell?.(rows.slice(from, from + size));
  }
  for (const button of [back, on]) button.addEventListener('click', () => tell?.(rows.slice(from, from + size)));
  return { element, show, draw, first: () => { from = 0; } };
}
