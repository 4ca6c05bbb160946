import type { TopicSetting } from '../config';
import type { LogRecord, TopicPartition } from '../eventlog/event-log';
import { isOddTimestamp } from '../eventlog/records';
import type { RingEntry, RingItem } from '../hub/ring';
import type { Allocate } from '../slabs';
import { dataOf, encodeFrame, type Frame } from '../wire/frame';
import { type EventSource, envelopeOf, sourceBytes, sourceOf } from './event-source';
import { eventOf, GATEWAY_EVENT_PREFIX, type UndecodableReason, undecodable } from './record-event';

/** A record as it goes out. */
export interface EncodedEvent extends Frame {
  readonly channel: string;
  readonly event: string | null;
  readonly isOwn: boolean;
  /** Why the record cannot be shown; null when it is. */
  readonly undecodable: UndecodableReason | null;
  readonly source: EventSource;
  /** About what `source` takes. */
  readonly sourceBytes: number;
}

/**
 * The one place where a record becomes bytes.
 * @param id null leaves the `id:` line out, for streams that put their own there
 * @param maxFrameBytes a larger frame is replaced by `gateway.undecodable`
 * @param allocate for the frame; unset: memory of its own
 */
export function encodeRecord(
  id: string | null,
  record: LogRecord,
  at: TopicPartition,
  topic: TopicSetting,
  maxFrameBytes: number,
  allocate?: Allocate,
): EncodedEvent {
  let event = eventOf(record, at, topic);
  let frame = encodeFrame(id, event.event, event.data, allocate);
  if (frame.bytes.length > maxFrameBytes) {
    event = undecodable(record, at, topic, 'too-large');
    frame = encodeFrame(id, event.event, event.data, allocate);
  }
  const reason = 'reason' in event ? event.reason : null;
  const isDataBase64 = topic.encoding === 'base64' && record.value !== null && reason === null;
  // Field by field: a spread takes several times longer.
  return {
    bytes: frame.bytes,
    bodyEnd: frame.bodyEnd,
    channel: event.channel,
    event: event.event,
    isOwn: event.event?.startsWith(GATEWAY_EVENT_PREFIX) ?? false,
    undecodable: reason,
    source: sourceOf(record, at, isDataBase64),
    sourceBytes: sourceBytes(record),
  };
}

/**
 * When the record that a ring's entry holds was created, in Unix milliseconds; null for the gateway's own events and for
 * odd timestamps.
 */
export function entryTimestampMs({ source }: RingEntry, nowMs: number): number | null {
  if (source === null) return null;
  const { timestampMs } = source as EventSource;
  return isOddTimestamp(timestampMs, nowMs) ? null : timestampMs;
}

/** An entry with its envelope; an event of the gateway itself has none. */
export function entryWithMeta(entry: RingItem): Frame {
  return entry.source === null ? entry : encodeWithMeta(entry, entry.event, entry.source as EventSource);
}

/** The same event with an envelope around its data: where it comes from, and the data as a client without it sees it. */
export function encodeWithMeta(frame: Frame, event: string | null, source: EventSource): Frame {
  const envelope = envelopeOf(source, dataOf(frame));
  const { bytes, bodyEnd } = encodeFrame(null, event, Buffer.from(JSON.stringify(envelope)));
  return {
    bytes: Buffer.concat([bytes.subarray(0, bodyEnd), frame.bytes.subarray(frame.bodyEnd)]),
    bodyEnd,
  };
}
