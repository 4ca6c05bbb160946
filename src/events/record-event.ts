import { isUtf8 } from 'node:buffer';
import { fieldError, GatewayError } from '../errors';
import type { LogRecord, NewRecord, RecordHeader, TopicPartition } from '../eventlog/event-log';
import { headerOf } from '../eventlog/records';
import { channelFault, channelOf, joinChannels, ROOT_CHANNEL, relativeChannel } from '../wire/channel';
import { lineFault } from '../wire/frame';
import type { GatewayEventName, UndecodableRecord } from '../wire/gateway-events';
import type { UnmappedReason } from './channel-mapping';
import type { Topic, TopicMap } from './topic-map';

/**
 * An event and the Kafka record that holds it. The value is the data, verbatim; the header `event` is its name. The
 * header `channel`, relative to the topic's base, is its channel, unless the topic makes channels of keys and headers. The
 * key is the event's key, else its channel, so that the events of a channel keep their order.
 */

const CHANNEL_HEADER = 'channel';
export const EVENT_HEADER = 'event';
const IDEMPOTENCY_HEADER = 'idempotency-key';

/** Publishers may not use names that begin with this. */
export const GATEWAY_EVENT_PREFIX = 'gateway.';
const UNDECODABLE = 'gateway.undecodable' satisfies GatewayEventName;
const TOMBSTONE = 'gateway.tombstone' satisfies GatewayEventName;
/** What EventSource dispatches by itself: an event of that name could not be told from it. */
const EVENT_SOURCE_EVENTS = ['open', 'error'];

export function isReservedEventName(name: string): boolean {
  return name.startsWith(GATEWAY_EVENT_PREFIX) || EVENT_SOURCE_EVENTS.includes(name);
}

export type UndecodableReason = UndecodableRecord['reason'];
export const UNDECODABLE_REASONS: readonly UndecodableReason[] = [
  'not-utf8',
  'bad-channel',
  'bad-event-name',
  'too-large',
];

export interface GatewayEvent {
  readonly channel: string;
  /** Null: unnamed. */
  readonly event: string | null;
  readonly data: Buffer;
}

/** What a record is on a stream. */
export interface RecordEvent extends GatewayEvent {
  /** Why `gateway.undecodable` stands for it; null: it is shown itself. */
  readonly reason: UndecodableReason | null;
  /** Why it is on the topic's base for want of a channel of its own; null: it has one. */
  readonly unmapped: UnmappedReason | null;
}

/** The record to append for an event, or why there is none. */
export function recordOf(
  event: GatewayEvent & { readonly key: string | null; readonly idempotencyKey?: string | null },
  topics: TopicMap,
): NewRecord | GatewayError {
  const topic = topics.topicFor(event.channel);
  if (topic === null)
    return fieldError('bad-channel', 'channel', `no topic is served under ${event.channel}`);
  const address = addressOf(event, topic);
  if (address instanceof GatewayError) return address;
  const { key } = address;
  const headers = [...address.headers];
  if (event.event !== null) headers.push({ key: EVENT_HEADER, value: Buffer.from(event.event) });
  if (event.idempotencyKey)
    headers.push({ key: IDEMPOTENCY_HEADER, value: Buffer.from(event.idempotencyKey) });
  // The template may ask for one of these headers.
  const made =
    topic.mapping?.channelOf({ key: Buffer.from(key), headers }, { partition: 0 }) ?? event.channel;
  if (made !== event.channel)
    return fieldError(
      'bad-channel',
      'channel',
      `the event's own headers contradict channel ${event.channel}`,
    );
  const record = { topic: topic.name, key, value: event.data, headers };
  return event.idempotencyKey ? { ...record, markOriginal: true } : record;
}

/** The key and the headers that put an event on its channel. */
function addressOf(
  { channel, key }: Pick<Parameters<typeof recordOf>[0], 'channel' | 'key'>,
  { name, base, mapping }: Topic,
): { readonly key: string; readonly headers: readonly RecordHeader[] } | GatewayError {
  if (mapping === null) {
    const relative = relativeChannel(base, channel);
    return { key: key ?? channel, headers: [{ key: CHANNEL_HEADER, value: Buffer.from(relative) }] };
  }
  if (!mapping.isInvertible) {
    const message = `topic ${name} does not take events here: ${mapping.text} needs more than the channel says`;
    return new GatewayError('not-publishable', message, { details: { topic: name } });
  }
  const filling = mapping.fillingFor(channel);
  if (filling === null)
    return fieldError(
      'bad-channel',
      'channel',
      `channel ${channel} is none of topic ${name}: ${mapping.text}`,
    );
  if (filling.key !== null && key !== null && key !== filling.key)
    return fieldError(
      'bad-channel',
      'key',
      `key must be ${filling.key} or be left out on channel ${channel}`,
    );
  return { key: filling.key ?? key ?? channel, headers: filling.headers };
}

/**
 * The event that a record of any producer is. Nothing of it can break a stream: what has no safe form becomes
 * `gateway.undecodable`, a null value `gateway.tombstone` with the key as data, and a reserved event name gets `record.`
 * before it.
 */
export function eventOf(record: LogRecord, at: TopicPartition, topic: Topic): RecordEvent {
  const { channel, unmapped, isBad } = channelOfRecord(record, at, topic);
  const bad = (reason: UndecodableReason) => undecodable(record, at, channel, reason, unmapped);
  const name = headerText(record, EVENT_HEADER);
  if (name === null || lineFault(name) !== null) return bad('bad-event-name');
  if (isBad) return bad('bad-channel');
  const { value } = record;
  if (topic.value === 'utf8' || value === null) {
    const data = value ?? record.key ?? Buffer.alloc(0);
    if (!isUtf8(data)) return bad('not-utf8');
    return { channel, event: value === null ? TOMBSTONE : eventName(name), data, reason: null, unmapped };
  }
  const data = Buffer.from(value.toString('base64'));
  return { channel, event: eventName(name), data, reason: null, unmapped };
}

interface RecordChannel {
  /** The topic's base, if the record has none of its own. */
  readonly channel: string;
  readonly unmapped: UnmappedReason | null;
  /** Its header is no channel. */
  readonly isBad: boolean;
}

function channelOfRecord(record: LogRecord, at: TopicPartition, { base, mapping }: Topic): RecordChannel {
  if (mapping !== null) {
    const found = mapping.channelOf(record, at);
    if (typeof found === 'string') return { channel: found, unmapped: null, isBad: false };
    return { channel: base, unmapped: found.unmapped, isBad: false };
  }
  const header = headerText(record, CHANNEL_HEADER);
  if (header === null) return { channel: base, unmapped: null, isBad: true };
  const relative = channelOf(header) || ROOT_CHANNEL;
  const channel = joinChannels(base, relative);
  const isBad = channelFault(relative) !== null || channelFault(channel) !== null;
  return { channel: isBad ? base : channel, unmapped: null, isBad };
}

/**
 * The publisher's key against repeats, or null. Only of a record that a gateway appended: anyone may write the header, and
 * a copy of a record has it too.
 */
export function idempotencyKeyOf(record: LogRecord): string | null {
  if (record.isOriginal !== true) return null;
  return headerText(record, IDEMPOTENCY_HEADER) || null;
}

/** What stands for a record that cannot be shown, on its channel. */
export function undecodable(
  record: LogRecord,
  at: TopicPartition,
  channel: string,
  reason: UndecodableReason,
  unmapped: UnmappedReason | null,
): RecordEvent {
  const { topic, partition } = at;
  const bytes = record.value?.length ?? 0;
  const shown: UndecodableRecord = { topic, partition, offset: String(record.offset), bytes, reason };
  return { channel, event: UNDECODABLE, data: Buffer.from(JSON.stringify(shown)), reason, unmapped };
}

function eventName(name: string): string | null {
  if (name === '') return null;
  return isReservedEventName(name) ? `record.${name}` : name;
}

/** A header's text: empty when it is not there, null when it is not UTF-8. */
function headerText(record: LogRecord, name: string): string | null {
  const value = headerOf(record, name);
  if (value === null) return '';
  return isUtf8(value) ? value.toString() : null;
}
