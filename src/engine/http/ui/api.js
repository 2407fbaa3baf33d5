// Asks the engine. The token of whoever logged in is kept in this file's memory alone: a browser writes what pages store, also
// for a session, to its disk, and a token there would outlive the page. So a reload asks for a login again.

let token = '';

/** What an engine did not answer with, in words. */
export class Refused extends Error {
  constructor(status, path, errors, needs) {
    const said = errors.filter(Boolean).join('; ');
    super(status === 403 ? `This token may not ask ${path}: it needs ${needs} there.` : said || `${path} answered ${status}.`);
    this.status = status;
    this.path = path;
  }
}

export const logIn = (given) => { token = given; };
export const logOut = () => { token = ''; };
export const isIn = () => token !== '';

/** A path with its names encoded. */
const encoded = (path) => path.split('/').map(encodeURIComponent).join('/');

async function send(method, path, body, query = '') {
  const headers = { 'X-Vault-Request': 'true' };
  if (token) headers['X-Vault-Token'] = token;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(`/v1/${encoded(path)}${query}`, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
    });
  } catch {
    throw new Refused(0, path, ['The engine does not answer: is it running, and can it be reached from here?'], '');
  }
  const text = await answer.text();
  let said = {};
  try {
    said = text ? JSON.parse(text) : {};
  } catch {
    said = { errors: ['What was answered is no JSON: something stands between this page and the engine.'] };
  }
  return { status: answer.status, said };
}

async function ask(method, path, body, query, needs) {
  const { status, said } = await send(method, path, body, query);
  if (status >= 400) throw new Refused(status, path, said.errors ?? [], needs);
  return said;
}

/** Reads. */
export const read = (path, query = {}) => {
  const text = new URLSearchParams(query).toString();
  return ask('GET', path, undefined, text && `?${text}`, '`read`');
};

/** The names below a path; none where there is nothing. */
export async function list(path) {
  try {
    return (await ask('GET', path, undefined, '?list=true', '`list`')).data?.keys ?? [];
  } catch (error) {
    if (error.status === 404) return [];
    throw error;
  }
}

/** Writes. */
export const write = (path, body = {}) => ask('POST', path, body, '', '`update`');

/** How the engine is, which is told without a token and whatever the status. */
export const health = async () => (await send('GET', 'sys/health')).said;
