import { fieldError, GatewayError } from '../errors';
import { nearestName } from '../nearest-name';

/** Of unknown parameters, in an error. */
const MAX_SHOWN = 5;
const MAX_SHOWN_CHARS = 40;

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

/**
 * Why a query with parameters that its route does not know is rejected, or null. Ignoring them would silently give a
 * client something else than it asked for. Names that begin with `_`, which caches and libraries add, are ignored.
 */
export function queryFault({ path, query }: RequestTarget, known: readonly string[]): GatewayError | null {
  const unknown = query.names().filter((name) => !known.includes(name) && !name.startsWith('_'));
  const [first] = unknown;
  if (first === undefined) return null;
  const named = unknown.slice(0, MAX_SHOWN).map((name) => {
    const meant = nearestName(name, known);
    return meant === null ? shortened(name) : `${shortened(name)} (did you mean ${meant}?)`;
  });
  const takes = known.length === 0 ? 'no parameters' : known.join(', ');
  return fieldError(
    'bad-request',
    shortened(first),
    `${path} does not take ${named.join(', ')}; it takes ${takes}`,
  );
}

function shortened(name: string): string {
  return name.length > MAX_SHOWN_CHARS ? `${name.slice(0, MAX_SHOWN_CHARS)}…` : name;
}
