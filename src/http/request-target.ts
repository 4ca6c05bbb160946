import { GatewayError } from '../errors';

/** What a request asks for: the path as sent, still percent-encoded, and the query. */
export interface RequestTarget {
  readonly path: string;
  readonly query: Query;
}

/** The query's fields, percent-decoded once, `+` being a space. */
export interface Query {
  /** The field's first value, or null when it is not there. @throws GatewayError `bad-request` for bad UTF-8 */
  first(name: string): string | null;
  /** All values of the field in order. @throws GatewayError `bad-request` for bad UTF-8 */
  all(name: string): string[];
  /** The fields' names, each once. Those that are not percent-encoded UTF-8 stay as they were sent. */
  names(): string[];
}

/** Takes the origin form and, as RFC 9112 §3.2.2 demands, the absolute form. */
export function parseTarget(url: string): RequestTarget {
  const from = url.startsWith('/') ? 0 : startOfPath(url);
  const mark = url.indexOf('?', from);
  const path = (mark < 0 ? url.slice(from) : url.slice(from, mark)) || '/';
  return { path, query: createQuery(mark < 0 ? '' : url.slice(mark + 1)) };
}

/** @param field named in the error @throws GatewayError `bad-request` when it is not percent-encoded UTF-8 */
export function decodeOnce(text: string, field: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new GatewayError('bad-request', `${field} is not percent-encoded UTF-8`, {
      cause,
      details: { field },
    });
  }
}

function startOfPath(url: string): number {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(url);
  return authority === null ? url.length : authority[0].length;
}

function createQuery(text: string): Query {
  // Most requests have no query; the others are split only when a field is asked for.
  function all(name: string): string[] {
    const values: string[] = [];
    if (text === '') return values;
    for (const pair of text.split('&')) {
      const equals = pair.indexOf('=');
      const field = equals < 0 ? pair : pair.slice(0, equals);
      if (field === name)
        values.push(decodeOnce(equals < 0 ? '' : pair.slice(equals + 1).replaceAll('+', ' '), name));
    }
    return values;
  }
  function names(): string[] {
    if (text === '') return [];
    const found = text.split('&').map((pair) => pair.split('=', 1)[0]!);
    return [...new Set(found)].filter((name) => name !== '').map(readable);
  }

  return { all, names, first: (name) => all(name)[0] ?? null };
}

function readable(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    // Only to be shown: no known name needs encoding.
    return name;
  }
}
