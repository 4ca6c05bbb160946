import type { LogRecord, TopicPartition } from '../eventlog/event-log';
import { isOddTimestamp } from '../eventlog/records';
import { createEntry, type RingEntry } from '../hub/ring';
import type { Allocate } from '../slabs';
import type { WaitingValue } from '../values/decoded';
import { dataOf, encodeFrame, type Frame } from '../wire/frame';
import { eventOf, GATEWAY_EVENT_PREFIX, type LeftOut, undecodable } from './record-event';
import { withReadKey } from './record-key';
import { envelopeOf, originBytes, originOf, type RecordOrigin } from './record-origin';
import type { Topic } from './topic-map';

/** The entry of a record. */
export interface RecordEntry extends RingEntry {
  readonly channel: string;
  readonly origin: RecordOrigin;
}

/**
 * The one place where a record becomes bytes.
 * @param id or the whole `id:` line; null leaves it out, for streams that put their own there
 * @returns `LeftOut` for a record that the topic's settings keep from clients, `WaitingValue` for one whose schema is not
 *   there yet
 * @param slot of its partition
 * @param maxFrameBytes a larger frame is replaced by `gateway.undecodable`
 * @param allocate for the frame; unset: memory of its own
 */
export function encodeRecord(
  id: string | Uint8Array | null,
  given: LogRecord,
  slot: number,
  at: TopicPartition,
  topic: Topic,
  maxFrameBytes: number,
  allocate?: Allocate,
): RecordEntry | LeftOut | WaitingValue {
  const record = withReadKey(given, topic.keyDecoder);
  if ('until' in record) return record;
  let shown = eventOf(record, at, topic);
  if ('leftOut' in shown || 'until' in shown) return shown;
  let frame = encodeFrame(id, shown.event, shown.data, allocate);
  if (frame.bytes.length > maxFrameBytes) {
    shown = undecodable(record, at, shown.channel, 'too-large', shown.unmapped);
    frame = encodeFrame(id, shown.event, shown.data, allocate);
  }
  const { channel, event, reason } = shown;
  const isDataBase64 = topic.value === 'base64' && record.value !== null && reason === null;
  const isOwn = event?.startsWith(GATEWAY_EVENT_PREFIX) ?? false;
  const origin = originOf(record, at, topic, isDataBase64, shown);
  return createEntry(frame, { channel, event, isOwn }, slot, origin, originBytes(record)) as RecordEntry;
}

/** When the record of an entry was created, in Unix milliseconds; null for the gateway's own events and odd timestamps. */
export function entryTimestampMs({ origin }: RingEntry, nowMs: number): number | null {
  if (origin === null) return null;
  const { timestampMs } = origin as RecordOrigin;
  return isOddTimestamp(timestampMs, nowMs) ? null : timestampMs;
}

/** An entry with its envelope; an event of the gateway itself has none. */
export function entryWithMeta(entry: RingEntry): Frame {
  return entry.origin === null ? entry : encodeWithMeta(entry, entry.event, entry.origin as RecordOrigin);
}

/** The same event with an envelope around its data: where it comes from, and the data as a client without it sees it. */
export function encodeWithMeta(frame: Frame, event: string | null, origin: RecordOrigin): Frame {
  const envelope = envelopeOf(origin, dataOf(frame));
  const { bytes, bodyEnd } = encodeFrame(null, event, Buffer.from(JSON.stringify(envelope)));
  return {
    bytes: Buffer.concat([bytes.subarray(0, bodyEnd), frame.bytes.subarray(frame.bodyEnd)]),
    bodyEnd,
  };
}
