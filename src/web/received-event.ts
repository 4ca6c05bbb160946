import type { GatewayEventName, GatewayEvents, JsonEventName } from '../wire/gateway-events.ts';

/** Unnamed events, and the gateway's own events about the event log. */
export const ALWAYS_SHOWN = [
  'message',
  'gateway.gap',
  'gateway.reset',
  'gateway.live',
  'gateway.status',
  'gateway.token-expiring',
  'gateway.tombstone',
  'gateway.undecodable',
] as const satisfies readonly ('message' | GatewayEventName)[];
/** The gateway's own events about the stream, of which only the ids matter. */
export const ONLY_FOR_IDS = [
  'gateway.open',
  'gateway.position',
] as const satisfies readonly GatewayEventName[];

export interface ReceivedEvent {
  readonly id: string;
  /** `message` for unnamed ones. */
  readonly name: string;
  readonly data: string;
  /** As its publisher named it; null for a record without one, and for the gateway's own events. */
  readonly channel: string | null;
  /** Null for the gateway's own events. */
  readonly source: EventPosition | null;
  /** From the record's timestamp to now, by the clocks of two machines; null when the timestamp is implausible. */
  readonly latencyMs: number | null;
}

export interface EventPosition {
  readonly topic: string;
  readonly partition: number;
  /** Decimal. */
  readonly offset: string;
}

/** What `?meta=1` wraps around the data of each record. */
interface Envelope extends EventPosition {
  /** Unix milliseconds, as its producer wrote it; null when no number can hold it. */
  readonly timestamp: number | null;
  /** All values of a name that came more than once. */
  readonly headers: Readonly<Record<string, string | null | readonly (string | null)[]>>;
  readonly data: string;
}

/** The members of a browser's `MessageEvent` that are used here. */
export interface Arrival {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

export function receivedEventOf({ type, data, lastEventId }: Arrival, nowMs: number): ReceivedEvent {
  const envelope = envelopeIn(data);
  if (envelope === null)
    return { id: lastEventId, name: type, data, channel: null, source: null, latencyMs: null };
  const { topic, partition, offset, timestamp } = envelope;
  return {
    id: lastEventId,
    name: type,
    data: envelope.data,
    channel: [envelope.headers.channel].flat().at(-1) ?? null,
    source: { topic, partition, offset },
    latencyMs: latencyOf(timestamp, nowMs),
  };
}

/** Null for a timestamp that is missing, in seconds, or far ahead: Kafka topics have such, and a latency of years says nothing. */
function latencyOf(timestamp: number | null, nowMs: number): number | null {
  const isOdd = timestamp === null || timestamp < 100_000_000_000 || timestamp > nowMs + 3_600_000;
  return isOdd ? null : nowMs - timestamp;
}

/** Null when the event came without one: the gateway's own events do. */
function envelopeIn(data: string): Envelope | null {
  try {
    const value = JSON.parse(data) as Partial<Envelope> | null;
    const isEnvelope =
      typeof value?.topic === 'string' &&
      typeof value.offset === 'string' &&
      typeof value.data === 'string' &&
      typeof value.headers === 'object';
    return isEnvelope ? (value as Envelope) : null;
  } catch {
    // An event of the gateway may have any data.
    return null;
  }
}

const NOTICES: { readonly [N in JsonEventName]?: (payload: GatewayEvents[N]) => Notice } = {
  'gateway.gap': ({ reason, topic, partition, requested, available, lost }) => ({
    severity: 'loss',
    text: `Gap: ${lost} records of ${topic}/${partition} are lost (${reason}: requested offset ${requested}, available from ${available})`,
  }),
  'gateway.reset': ({ reason }) => ({
    severity: 'loss',
    text: `Reset: the stream starts over with new events (${reason})`,
  }),
  'gateway.live': ({ replayed }) => ({ severity: 'good', text: `Caught up: ${replayed} events replayed` }),
  'gateway.status': ({ kafka, topics, reason = 'unreachable' }) => {
    const what = topics === undefined ? 'Kafka' : `topic ${topics.join(', ')}`;
    return kafka === 'ok'
      ? { severity: 'good', text: `${what} is back` }
      : {
          severity: 'warning',
          text:
            reason === 'schema-registry'
              ? `${what} waits for its schema registry: the stream stays open and continues then`
              : `${what} is ${reason}: the stream stays open and continues when it is back`,
        };
  },
  'gateway.token-expiring': ({ expiresAt }) => ({
    severity: 'warning',
    text: `The token expires at ${expiresAt}: the stream ends then`,
  }),
};

/** One of the gateway's own events as a sentence; null for any other event. */
export function noticeText({ name, data }: Pick<ReceivedEvent, 'name' | 'data'>): Notice | null {
  if (!Object.hasOwn(NOTICES, name)) return null;
  const noticeOf = NOTICES[name as JsonEventName] as (payload: unknown) => Notice;
  return noticeOf(JSON.parse(data));
}

export interface Notice {
  /** `loss`: events are missing for good. */
  readonly severity: 'good' | 'warning' | 'loss';
  readonly text: string;
}
