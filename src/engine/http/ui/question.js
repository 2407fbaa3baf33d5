// The question before something is ended. A dialog keeps the focus in itself, and Escape says no.

import { byId, el } from './dom.js';

/** Asks; resolves to whether the answer was yes. `yes` is the word on the button. */
export function question(title, texts, yes) {
  const dialog = byId('question');
  byId('question-title').textContent = title;
  byId('question-text').replaceChildren(...texts.map((text) => (typeof text === 'string' ? el('p', {}, text) : text)));
  byId('question-yes').textContent = yes;
  const before = document.activeElement;
  return new Promise((resolve) => {
    const close = (answer) => () => dialog.close(answer);
    byId('question-yes').onclick = close('yes');
    byId('question-no').onclick = close('no');
    dialog.returnValue = 'no';
    dialog.addEventListener('close', () => {
      if (before?.isConnected) before.focus();
      resolve(dialog.returnValue === 'yes');
    }, { once: true });
    dialog.showModal();
    // Who presses Enter without reading ends nothing.
    byId('question-no').focus();
  });
}
