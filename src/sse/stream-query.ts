import type { IncomingHttpHeaders } from 'node:http';
import { fieldError, type GatewayError } from '../errors';
import { decodeOnce, type Query, queryFault, type RequestTarget } from '../http/request-target';
import { createSubscription, type Subscription } from '../hub/subscription';
import { channelFault, channelOf, ROOT_CHANNEL } from '../wire/channel';
import { type Cursor, parseCursor } from '../wire/cursor';

/** What a request for a stream asks for. */
export interface StreamQuery {
  readonly subscription: Subscription;
  readonly start: StartRequest;
  /** True: an error instead of a stream that cannot replay everything. */
  readonly isStrict: boolean;
  /** Silence after which the client wants a heartbeat; null: as configured. */
  readonly heartbeatMs: number | null;
}

/** Limits of one request. */
export interface StreamQueryLimits {
  readonly maxChannels: number;
  readonly maxEventNames: number;
}

/** Either, for clients that cannot send the header. */
const ID_FIELDS = ['lastEventId', 'last_event_id'];
const FIELDS = ['event', 'meta', 'every', 'strict', 'heartbeat', 'from', 'since', ...ID_FIELDS];

export const SUBSCRIBE_PATH = '/subscribe';
export const MAX_HEARTBEAT_SECONDS = 60;
const MIN_EVERY_MS = 50;
const MAX_EVERY_MS = 60_000;

/** @throws GatewayError `bad-channel`, `bad-event-name`, `bad-cursor`, `bad-request`, each with the field's name */
export function streamQueryOf(
  target: RequestTarget,
  headers: IncomingHttpHeaders,
  limits: StreamQueryLimits,
): StreamQuery {
  const { path, query } = target;
  const fault = queryFault(target, path === '/events' ? ['channel', ...FIELDS] : FIELDS);
  if (fault !== null) throw fault;
  const lastEventId = headers['last-event-id'];
  return {
    subscription: createSubscription({
      channels: channelsOf(target, limits.maxChannels).map(ownCopy),
      events: eventsOf(target, limits.maxEventNames)?.map(ownCopy) ?? null,
      meta: isOn(target, 'meta'),
      idFirst: target.path === '/sse',
      everyMs: everyMsOf(target),
    }),
    start: startRequestOf(Array.isArray(lastEventId) ? lastEventId.join() : lastEventId, query),
    isStrict: isOn(target, 'strict'),
    heartbeatMs: heartbeatMsOf(target),
  };
}

function channelsOf({ path, query }: RequestTarget, maxChannels: number): string[] {
  if (path === '/sse') return [ROOT_CHANNEL];
  if (path !== '/events')
    return [checked(decodeOnce(path.slice(SUBSCRIBE_PATH.length), 'channel') || ROOT_CHANNEL)];
  const asked = query.all('channel');
  if (asked.length > maxChannels) {
    throw fieldError('bad-channel', 'channel', `channel is given over ${maxChannels} times`);
  }
  return asked.length === 0 ? [ROOT_CHANNEL] : asked.map(checked);
}

/** Null wants all. */
function eventsOf({ query }: RequestTarget, maxNames: number): string[] | null {
  const asked = query.all('event').flatMap((names) => names.split(','));
  if (asked.length === 0) return null;
  if (asked.length > maxNames) {
    throw fieldError('bad-event-name', 'event', `event has over ${maxNames} names`);
  }
  if (!asked.includes('')) return asked;
  throw fieldError('bad-event-name', 'event', 'event must not have empty names');
}

function isOn({ query }: RequestTarget, field: string): boolean {
  const value = query.first(field);
  if (value === null || value === '0') return false;
  if (value === '1') return true;
  throw fieldError('bad-request', field, `${field} must be 1 or 0`);
}

/** Clients have read timeouts of 5 s and more; after a minute most proxies close the connection. */
function heartbeatMsOf({ query }: RequestTarget): number | null {
  const value = query.first('heartbeat');
  if (value === null) return null;
  const seconds = /^[0-9]{1,2}$/.test(value) ? Number(value) : 0;
  if (seconds >= 1 && seconds <= MAX_HEARTBEAT_SECONDS) return seconds * 1_000;
  throw fieldError(
    'bad-request',
    'heartbeat',
    `heartbeat must be whole seconds, 1 to ${MAX_HEARTBEAT_SECONDS}`,
  );
}

/** 0: as the gateway has it. */
function everyMsOf({ query }: RequestTarget): number {
  const value = query.first('every');
  if (value === null) return 0;
  const everyMs = /^[0-9]{1,5}$/.test(value) ? Number(value) : 0;
  if (everyMs >= MIN_EVERY_MS && everyMs <= MAX_EVERY_MS) return everyMs;
  throw fieldError(
    'bad-request',
    'every',
    `every must be whole milliseconds, ${MIN_EVERY_MS} to ${MAX_EVERY_MS}`,
  );
}

/** A substring keeps the whole string in memory: here the request's target, for as long as the subscription. */
function ownCopy(text: string): string {
  return Buffer.from(text).toString();
}

function checked(text: string): string {
  const channel = channelOf(text);
  const fault = channelFault(channel);
  if (fault !== null) throw fieldError('bad-channel', 'channel', `channel ${fault}`);
  return channel;
}

/** Where a stream is to begin. */
export type StartRequest =
  | { readonly from: 'now' }
  /** Null: the id is not a cursor. */
  | { readonly from: 'cursor'; readonly cursor: Cursor | null }
  | { readonly from: 'time'; readonly timeMs: number }
  | { readonly from: 'earliest' }
  /** The last `count` matching events that are still in the ring. */
  | { readonly from: 'last'; readonly count: number };

/** More digits are beyond ECMAScript's dates (±8.64e15 ms). */
const UNIX_MS = /^\d{1,15}$/;
/** Nine or ten digits are seconds of the years 1973 to 2286; as milliseconds they would all lie in 1970. */
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
    throw fieldError('bad-cursor', field, `${field} is not an id of a stream; leave it out to begin now`);
  }
  const since = query.first('since');
  if (since !== null) return { from: 'time', timeMs: timeOf(since) };
  const from = query.first('from');
  if (from === null || from === 'latest') return { from: 'now' };
  if (from === 'earliest') return { from: 'earliest' };
  const count = LAST.exec(from)?.[1];
  if (count !== undefined) return { from: 'last', count: Number(count) };
  throw fieldError('bad-request', 'from', 'from must be earliest, latest or -N for the last N events');
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

/** UTC without a zone: clients cannot know the gateway's zone. NaN when it is no time. */
function isoTimeOf(text: string): number {
  const [, date, time = '00:00', , sign, hours = '00', minutes = '00'] = ISO_TIME.exec(text) ?? [];
  return Date.parse(`${date}T${time}${sign === '-' ? '-' : '+'}${hours}:${minutes}`);
}

function badSince(message: string): GatewayError {
  return fieldError('bad-request', 'since', message);
}
