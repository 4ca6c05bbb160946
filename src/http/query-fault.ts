import { GatewayError } from '../errors';
import { nearestName } from '../nearest-name';
import type { RequestTarget } from './request-target';

const MAX_SHOWN = 5;
const MAX_SHOWN_CHARS = 40;

/**
 * What is wrong with a query that has parameters which its route does not know, or null. To leave them out without a word
 * would give a client something else than it asked for. Names that begin with `_`, which caches and libraries add, pass.
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
  return new GatewayError('bad-request', `${path} does not take ${named.join(', ')}; it takes ${takes}`, {
    details: { field: shortened(first) },
  });
}

function shortened(name: string): string {
  return name.length > MAX_SHOWN_CHARS ? `${name.slice(0, MAX_SHOWN_CHARS)}…` : name;
}
