import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../errors';
import { decodeOnce, queryFault, type RequestTarget } from '../http/request-target';
import { createSubscription, type Subscription } from '../hub/subscription';
import { channelFault, channelOf, ROOT_CHANNEL } from '../wire/channel';
import { START_FIELDS, type StartRequest, startRequestOf } from './start-request';

/** What a request for a stream asks for. */
export interface StreamQuery {
  readonly subscription: Subscription;
  readonly start: StartRequest;
  /** True: rather an error than a stream that cannot give back everything. */
  readonly isStrict: boolean;
  /** Silence after which it wants a heartbeat; null: as configured. */
  readonly heartbeatMs: number | null;
}

/** What one stream may ask for at the most. */
export interface StreamQueryLimits {
  readonly maxChannels: number;
  readonly maxEventNames: number;
}

const FIELDS = ['event', 'meta', 'strict', 'heartbeat', ...START_FIELDS];

export const SUBSCRIBE_PATH = '/subscribe';
export const MAX_HEARTBEAT_SECONDS = 60;

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
    throw new GatewayError('bad-channel', `channel is given over ${maxChannels} times`, {
      details: { field: 'channel' },
    });
  }
  return asked.length === 0 ? [ROOT_CHANNEL] : asked.map(checked);
}

/** Null wants all. */
function eventsOf({ query }: RequestTarget, maxNames: number): string[] | null {
  const asked = query.all('event').flatMap((names) => names.split(','));
  if (asked.length === 0) return null;
  if (asked.length > maxNames) {
    throw new GatewayError('bad-event-name', `event has over ${maxNames} names`, {
      details: { field: 'event' },
    });
  }
  if (!asked.includes('')) return asked;
  throw new GatewayError('bad-event-name', 'event must not have empty names', {
    details: { field: 'event' },
  });
}

function isOn({ query }: RequestTarget, field: string): boolean {
  const value = query.first(field);
  if (value === null || value === '0') return false;
  if (value === '1') return true;
  throw new GatewayError('bad-request', `${field} must be 1 or 0`, { details: { field } });
}

/** Clients have read timeouts from 5 s on; past a minute most proxies have given up. */
function heartbeatMsOf({ query }: RequestTarget): number | null {
  const value = query.first('heartbeat');
  if (value === null) return null;
  const seconds = /^[0-9]{1,2}$/.test(value) ? Number(value) : 0;
  if (seconds >= 1 && seconds <= MAX_HEARTBEAT_SECONDS) return seconds * 1_000;
  throw new GatewayError('bad-request', `heartbeat must be whole seconds, 1 to ${MAX_HEARTBEAT_SECONDS}`, {
    details: { field: 'heartbeat' },
  });
}

/** A part of a string refers to the whole of it: the request's target would stay as long as the subscription. */
function ownCopy(text: string): string {
  return Buffer.from(text).toString();
}

function checked(text: string): string {
  const channel = channelOf(text);
  const fault = channelFault(channel);
  if (fault !== null)
    throw new GatewayError('bad-channel', `channel ${fault}`, { details: { field: 'channel' } });
  return channel;
}
