import { isUtf8 } from 'node:buffer';
import type { TopicSetting } from '../config';
import type { LogRecord, NewRecord, TopicPartition } from '../eventlog/event-log';
import {
  channelFault,
  channelOf,
  covers,
  joinChannels,
  ROOT_CHANNEL,
  relativeChannel,
} from '../wire/channel';
import { lineFault } from '../wire/frame';
import type { GatewayEventName, UndecodableRecord } from '../wire/gateway-events';

/**
 * An event and the Kafka record that holds it. The value is the data, verbatim; the headers `channel` (relative to the
 * topic's base) and `event` say the rest; the key is the event's key, else its channel, so that the events of a channel
 * keep their order.
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

/** Stands for a record that cannot be shown. */
export interface UndecodableEvent extends GatewayEvent {
  readonly reason: UndecodableReason;
}

/** The record to append for an event, or null when no topic covers its channel. */
export function recordOf(
  event: GatewayEvent & { readonly key: string | null; readonly idempotencyKey?: string | null },
  topics: TopicMap,
): NewRecord | null {
  const found = topics.topicFor(event.channel);
  if (found === null) return null;
  const headers = [{ key: CHANNEL_HEADER, value: Buffer.from(found.relative) }];
  if (event.event !== null) headers.push({ key: EVENT_HEADER, value: Buffer.from(event.event) });
  if (event.idempotencyKey)
    headers.push({ key: IDEMPOTENCY_HEADER, value: Buffer.from(event.idempotencyKey) });
  const record = { topic: found.topic.name, key: event.key ?? event.channel, value: event.data, headers };
  return event.idempotencyKey ? { ...record, markOriginal: true } : record;
}

/**
 * The event that a record of any producer is. Nothing of it can break a stream: what has no safe form becomes
 * `gateway.undecodable` on the topic's base channel, a null value `gateway.tombstone` with the key as data, and a
 * reserved event name gets `record.` before it.
 */
export function eventOf(
  record: LogRecord,
  at: TopicPartition,
  topic: TopicSetting,
): GatewayEvent | UndecodableEvent {
  const name = headerText(record, EVENT_HEADER);
  if (name === null || lineFault(name) !== null) return undecodable(record, at, topic, 'bad-event-name');
  const header = headerText(record, CHANNEL_HEADER);
  if (header === null) return undecodable(record, at, topic, 'bad-channel');
  const relative = channelOf(header) || ROOT_CHANNEL;
  const channel = joinChannels(topic.base, relative);
  if (channelFault(relative) !== null || channelFault(channel) !== null)
    return undecodable(record, at, topic, 'bad-channel');
  const value = record.value === null ? (record.key ?? Buffer.alloc(0)) : record.value;
  if (topic.encoding === 'utf8' || record.value === null) {
    if (!isUtf8(value)) return undecodable(record, at, topic, 'not-utf8');
    return { channel, event: record.value === null ? TOMBSTONE : eventName(name), data: value };
  }
  return { channel, event: eventName(name), data: Buffer.from(value.toString('base64')) };
}

/**
 * The publisher's key against repeats, or null. Only of a record that a gateway appended: anyone may write the header, and
 * a copy of a record has it too.
 */
export function idempotencyKeyOf(record: LogRecord): string | null {
  if (record.isOriginal !== true) return null;
  return headerText(record, IDEMPOTENCY_HEADER) || null;
}

/** What stands for a record that cannot be shown. */
export function undecodable(
  record: LogRecord,
  at: TopicPartition,
  topic: TopicSetting,
  reason: UndecodableReason,
): UndecodableEvent {
  const { topic: name, partition } = at;
  const bytes = record.value?.length ?? 0;
  const shown: UndecodableRecord = { topic: name, partition, offset: String(record.offset), bytes, reason };
  return { channel: topic.base, event: UNDECODABLE, data: Buffer.from(JSON.stringify(shown)), reason };
}

function eventName(name: string): string | null {
  if (name === '') return null;
  return isReservedEventName(name) ? `record.${name}` : name;
}

/** A header's text: empty when it is not there, null when it is not UTF-8. The last one counts, as in Kafka's clients. */
function headerText(record: LogRecord, key: string): string | null {
  const value = record.headers.findLast((header) => header.key === key)?.value;
  if (value === undefined || value === null) return '';
  return isUtf8(value) ? value.toString() : null;
}

/** Which topic a channel's events go to, and where a topic's channels appear. */
export interface TopicMap {
  readonly all: readonly TopicSetting[];
  /** The topic with the longest base that covers `channel`, and the channel as seen from there; null when none does. */
  topicFor(channel: string): { readonly topic: TopicSetting; readonly relative: string } | null;
  /** @throws RangeError for a topic that is not configured */
  byName(name: string): TopicSetting;
}

export function createTopicMap(topics: readonly TopicSetting[]): TopicMap {
  const byLength = [...topics].sort((a, b) => b.base.length - a.base.length);
  return {
    all: topics,
    topicFor(channel) {
      const topic = byLength.find(({ base }) => covers(base, channel));
      return topic === undefined ? null : { topic, relative: relativeChannel(topic.base, channel) };
    },
    byName(name) {
      const topic = topics.find((candidate) => candidate.name === name);
      if (topic === undefined) throw new RangeError(`topic ${name} is not configured`);
      return topic;
    },
  };
}
