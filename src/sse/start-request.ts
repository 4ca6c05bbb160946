import { GatewayError } from '../errors';
import type { Query } from '../http/request-target';
import { type Cursor, parseCursor } from './cursor';

/** Where a client wants its stream to begin. */
export type StartRequest =
  | { readonly from: 'now' }
  /** Null: what it sent is no cursor. */
  | { readonly from: 'cursor'; readonly cursor: Cursor | null }
  | { readonly from: 'time'; readonly timeMs: number }
  | { readonly from: 'earliest' }
  /** The last `count` matching events that are still in the ring. */
  | { readonly from: 'last'; readonly count: number };

/** Either, for clients that cannot send the header. */
const ID_FIELDS = ['lastEventId', 'last_event_id'];
/** What a query may say of where to begin. */
export const START_FIELDS = ['from', 'since', ...ID_FIELDS] as const;
/** Times of more digits would not be a date any more (ECMAScript's limit of ±8.64e15 ms). */
const UNIX_MS = /^\d{1,15}$/;
const LAST = /^-([1-9]\d{0,8})$/;

/**
 * The header `Last-Event-ID` comes first: a browser sends it on a reconnect together with the query it began with.
 * Then `lastEventId` or `last_event_id`, `since`, `from`.
 * @throws GatewayError `bad-cursor`, `bad-request` for what is in the query; a bad header is answered on the stream,
 *   since any status but 200 would end an EventSource for good
 */
export function startRequestOf(header: string | undefined, query: Query): StartRequest {
  if (header !== undefined && header !== '') return { from: 'cursor', cursor: parseCursor(header) };
  for (const field of ID_FIELDS) {
    const id = query.first(field);
    if (id === null || id === '') continue;
    const cursor = parseCursor(id);
    if (cursor !== null) return { from: 'cursor', cursor };
    throw new GatewayError('bad-cursor', `${field} is not an id of a stream; leave it out to begin now`, {
      details: { field },
    });
  }
  const since = query.first('since');
  if (since !== null) return { from: 'time', timeMs: timeOf(since) };
  const from = query.first('from');
  if (from === null || from === 'latest') return { from: 'now' };
  if (from === 'earliest') return { from: 'earliest' };
  const count = LAST.exec(from)?.[1];
  if (count !== undefined) return { from: 'last', count: Number(count) };
  throw new GatewayError('bad-request', 'from must be earliest, latest or -N for the last N events', {
    details: { field: 'from' },
  });
}

function timeOf(text: string): number {
  const timeMs = UNIX_MS.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(timeMs) && timeMs >= 0) return timeMs;
  throw new GatewayError('bad-request', 'since must be a time as ISO 8601 or Unix milliseconds', {
    details: { field: 'since' },
  });
}
