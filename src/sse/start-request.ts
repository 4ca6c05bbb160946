import { GatewayError } from '../errors';
import type { Query } from '../http/request-target';
import { type Cursor, parseCursor } from '../wire/cursor';

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
/** Nine or ten digits are seconds of the years 1973 to 2286; as milliseconds they would all be in 1970. */
const UNIX_SECONDS = /^\d{9,10}$/;
/** RFC 3339, in which seconds and zone may be missing. In a query a `+` is a blank. */
const ISO_TIME =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?:([Zz])|([ +-])(\d\d):?(\d\d))?)?$/;
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
  if (UNIX_SECONDS.test(text)) {
    throw badSince(`since must be in milliseconds: ${text}000, if ${text} are seconds`);
  }
  const timeMs = UNIX_MS.test(text) ? Number(text) : isoTimeOf(text);
  if (Number.isFinite(timeMs) && timeMs >= 0) return timeMs;
  throw badSince(
    'since must be a time as 2026-11-21T10:00:00Z (without a zone it is UTC) or Unix milliseconds',
  );
}

/** UTC unless it has a zone: no client can know that of the gateway. NaN when it is no time. */
function isoTimeOf(text: string): number {
  const [, date, time = '00:00', , sign, hours = '00', minutes = '00'] = ISO_TIME.exec(text) ?? [];
  return Date.parse(`${date}T${time}${sign === '-' ? '-' : '+'}${hours}:${minutes}`);
}

function badSince(message: string): GatewayError {
  return new GatewayError('bad-request', message, { details: { field: 'since' } });
}
