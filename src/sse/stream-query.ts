import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '../errors';
import { decodeOnce, type RequestTarget } from '../http/request-target';
import { channelFault, ROOT_CHANNEL } from '../hub/channel';
import { createSubscription, type Subscription } from '../hub/subscription';
import { type StartRequest, startRequestOf } from './start-request';

/** What a request for a stream asks for. */
export interface StreamQuery {
  readonly subscription: Subscription;
  readonly start: StartRequest;
  /** True: rather an error than a stream that cannot give back everything. */
  readonly isStrict: boolean;
}

export const SUBSCRIBE_PATH = '/subscribe';

/** @throws GatewayError `bad-channel`, `bad-event-name`, `bad-cursor`, `bad-request`, each with the field's name */
export function streamQueryOf(
  target: RequestTarget,
  headers: IncomingHttpHeaders,
  maxChannels: number,
): StreamQuery {
  const { query } = target;
  const lastEventId = headers['last-event-id'];
  return {
    subscription: createSubscription({
      channels: channelsOf(target, maxChannels),
      events: eventsOf(target),
      meta: isOn(target, 'meta'),
    }),
    start: startRequestOf(Array.isArray(lastEventId) ? lastEventId.join() : lastEventId, query),
    isStrict: isOn(target, 'strict'),
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
function eventsOf({ query }: RequestTarget): string[] | null {
  const asked = query.all('event').flatMap((names) => names.split(','));
  if (asked.length === 0) return null;
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

function checked(channel: string): string {
  const fault = channelFault(channel);
  if (fault !== null)
    throw new GatewayError('bad-channel', `channel ${fault}`, { details: { field: 'channel' } });
  return channel;
}
