import { isUtf8 } from 'node:buffer';
import type { RecordFilter } from '../config/record-filter';
import type { KeyType } from '../config/topic-settings';
import { fieldError, GatewayError } from '../errors';
import type { LogRecord, NewRecord, RecordHeader, TopicPartition } from '../eventlog/event-log';
import { headerOf } from '../eventlog/records';
import { VALUE_FAULTS, type WaitingValue } from '../values/decoded';
import { jsonText } from '../values/json-text';
import { channelFault, channelOf, joinChannels, ROOT_CHANNEL, relativeChannel } from '../wire/channel';
import { lineFault } from '../wire/frame';
import type { GatewayEventName, UndecodableRecord } from '../wire/gateway-events';
import { eventNameOf, type RecordParts, type UnmappedReason } from './channel-mapping';
import { jsonOf, parseJson } from './json-value';
import { keyText } from './record-key';
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
  'not-json',
  'too-deep',
  'bad-key',
  ...VALUE_FAULTS,
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

/** A record that does not leave the gateway. */
export interface LeftOut {
  /** `where` is not true for it, or could not be evaluated; or it has no channel of its own, and such are dropped. */
  readonly leftOut: 'filtered' | 'filter-failed' | UnmappedReason;
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
  const parts = { key: Buffer.from(key), headers, partition: 0, value: undefined };
  const made = topic.mapping?.channelOf(parts) ?? event.channel;
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
  { channel, event, key }: Parameters<typeof recordOf>[0],
  topic: Topic,
): { readonly key: string | Buffer; readonly headers: readonly RecordHeader[] } | GatewayError {
  const { name, base, mapping } = topic;
  if (topic.event !== null && event !== null)
    return fieldError('bad-event-name', 'event', `events of topic ${name} have the name ${topic.event.text}`);
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
    return fieldError('bad-channel', 'channel', `${channel} is no channel of topic ${name}: ${mapping.text}`);
  const given = key === null ? null : Buffer.from(key);
  if (filling.key !== null && given !== null && !given.equals(filling.key))
    return fieldError('bad-channel', 'key', `key must be that of channel ${channel}, or be left out`);
  return { key: filling.key ?? key ?? channel, headers: filling.headers };
}

/**
 * The event that a record of any producer is. Nothing of it can break a stream: what has no safe form becomes
 * `gateway.undecodable`, a null value `gateway.tombstone` with the key as data, and a reserved event name gets `record.`
 * before it.
 */
export function eventOf(
  record: LogRecord,
  at: TopicPartition,
  topic: Topic,
): RecordEvent | LeftOut | WaitingValue {
  const parts = topic.isPlain ? null : readParts(record, at, topic);
  if (parts !== null && 'until' in parts) return parts;
  if (parts !== null && topic.where !== null) {
    const verdict = judge(topic.where, parts, at, topic);
    if (verdict !== null) return verdict;
  }
  const { channel, unmapped, isBad } = channelOfRecord(record, parts, topic);
  if (unmapped !== null && topic.unmapped === 'drop') return { leftOut: unmapped };
  const bad = (reason: UndecodableReason) =>
    undecodable(record, at, channel, reason, unmapped, parts?.schemaId);
  const name =
    topic.event === null || parts === null
      ? headerText(record, EVENT_HEADER)
      : eventNameOf(topic.event, parts, topic.key);
  if (name === null || lineFault(name) !== null) return bad('bad-event-name');
  if (isBad) return bad('bad-channel');
  const event = record.value === null ? TOMBSTONE : eventName(name);
  const data =
    record.value === null ? tombstoneData(record.key, topic) : valueData(record.value, topic, parts);
  return typeof data === 'string' ? bad(data) : { channel, event, data, reason: null, unmapped };
}

/** A record, with its value read if something asks for it. */
interface ReadParts extends RecordParts {
  /** Why its value could not be read. */
  readonly fault: UndecodableReason | null;
  /** The schema of a value that could not be read. */
  readonly schemaId?: number | null;
}

function readParts(
  { key, headers, value }: LogRecord,
  { partition }: TopicPartition,
  topic: Topic,
): ReadParts | WaitingValue {
  if (value === null || !topic.asksForValue)
    return { key, headers, partition, value: undefined, fault: null };
  if (topic.valueDecoder !== null) {
    const decoded = topic.valueDecoder.decode(value);
    if (decoded.kind === 'waiting') return decoded;
    if (decoded.kind === 'value') return { key, headers, partition, value: decoded.value, fault: null };
    const { reason: fault, schemaId } = decoded;
    return { key, headers, partition, value: undefined, fault, schemaId };
  }
  const read = parseJson(value);
  return 'fault' in read
    ? { key, headers, partition, value: undefined, fault: read.fault }
    : { key, headers, partition, value: read.value, fault: null };
}

const FILTERED: LeftOut = { leftOut: 'filtered' };
const FILTER_FAILED: LeftOut = { leftOut: 'filter-failed' };

/** Null: the record is wanted, or must be reported, because its value cannot be read. */
function judge(where: RecordFilter, parts: ReadParts, at: TopicPartition, topic: Topic): LeftOut | null {
  const { asksFor } = where;
  if (parts.fault !== null && asksFor.has('value')) return null;
  try {
    const isWanted = where.matches({
      value: parts.value ?? null,
      key: asksFor.has('key') ? keyVariable(parts.key, topic.key) : null,
      headers: asksFor.has('headers') ? headerTexts(parts.headers) : null,
      topic: at.topic,
      partition: BigInt(at.partition),
    });
    return isWanted ? null : FILTERED;
  } catch {
    // A field that is not there, a text compared with a number: what the filter does not know it does not let pass.
    return FILTER_FAILED;
  }
}

/** What `key` is in a filter: whole numbers are numbers. */
function keyVariable(key: Buffer | null, type: KeyType): string | bigint | null {
  const text = key === null ? null : keyText(key, type);
  return text !== null && (type === 'int32' || type === 'int64') ? BigInt(text) : text;
}

function headerTexts(headers: readonly RecordHeader[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { key, value } of headers)
    if (value !== null && isUtf8(value)) texts.set(key, value.toString());
    else texts.delete(key);
  return texts;
}

/** What clients get of a value, or why they cannot. */
function valueData(value: Buffer, topic: Topic, parts: ReadParts | null): Buffer | UndecodableReason {
  if (topic.value === 'base64') return Buffer.from(value.toString('base64'));
  if (parts?.value === undefined) return parts?.fault ?? (isUtf8(value) ? value : 'not-utf8');
  if (topic.fields === null) return topic.valueDecoder === null ? value : Buffer.from(jsonText(parts.value));
  const written = jsonOf(parts.value, topic.fields);
  return 'fault' in written ? written.fault : Buffer.from(written.text);
}

function tombstoneData(key: Buffer | null, topic: Topic): Buffer | UndecodableReason {
  if (key === null || !topic.shows.key) return Buffer.alloc(0);
  const text = keyText(key, topic.key);
  return text === null ? (topic.key === 'utf8' ? 'not-utf8' : 'bad-key') : Buffer.from(text);
}

interface RecordChannel {
  /** The topic's base, if the record has none of its own. */
  readonly channel: string;
  readonly unmapped: UnmappedReason | null;
  /** Its header is no channel. */
  readonly isBad: boolean;
}

function channelOfRecord(
  record: LogRecord,
  parts: RecordParts | null,
  { base, mapping }: Topic,
): RecordChannel {
  if (mapping !== null && parts !== null) {
    const found = mapping.channelOf(parts);
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
  schemaId: number | null = null,
): RecordEvent {
  const { topic, partition } = at;
  const bytes = record.value?.length ?? 0;
  const place = { topic, partition, offset: String(record.offset), bytes, reason };
  const shown: UndecodableRecord = schemaId === null ? place : { ...place, schemaId };
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
