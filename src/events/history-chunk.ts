import type { TopicSetting } from '../config';
import type { LogGap, ReadChunk } from '../eventlog/event-log';
import { addFrame } from '../hub/frame-order';
import type { Positions, Ring } from '../hub/ring';
import { matches, type Subscription } from '../hub/subscription';
import { encodeFrame, type Frame } from '../wire/frame';
import { gapData } from '../wire/gap';
import { type EncodedEvent, encodeRecord, encodeWithMeta } from './encoded-event';

/** What stands in the past of a partition: an event, or records that cannot be given back. */
type HistoryItem = { readonly next: bigint } & (
  | { readonly kind: 'event'; readonly event: EncodedEvent }
  | { readonly kind: 'gap'; readonly gap: LogGap }
);

/** What one stream is given of a chunk in one write. */
export interface HistorySlice {
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly events: number;
  /** Of the events, how many are not gaps. */
  readonly records: number;
  /** What the stream has after it. */
  readonly floor: Positions;
}

export interface SliceOptions {
  readonly ring: Ring;
  readonly subscription: Subscription;
  readonly maxBytes: number;
  readonly idLine: (positions: Positions) => Buffer;
}

/** A run of older records of one partition, read and encoded once for all streams that need it. */
export interface HistoryChunk {
  readonly slot: number;
  readonly from: bigint;
  readonly next: bigint;
  readonly bytes: number;
  /** What a stream that has everything before `floor` is given next; the floor is within the chunk. */
  sliceAfter(floor: Positions, options: SliceOptions): HistorySlice;
}

export function createHistoryChunk(
  slot: number,
  from: bigint,
  read: ReadChunk,
  topic: TopicSetting,
  maxFrameBytes: number,
): HistoryChunk {
  const items: HistoryItem[] = read.gaps.map((gap) => ({ kind: 'gap', next: gap.to, gap }));
  let bytes = 0;
  for (const record of read.records) {
    const event = encodeRecord(null, record, read, topic, maxFrameBytes);
    bytes += event.bytes.length + event.sourceBytes;
    items.push({ kind: 'event', next: record.offset + 1n, event });
  }
  items.sort((a, b) => (a.next < b.next ? -1 : 1));

  /** The item as bytes without an id, or null when it is not for this subscription. */
  function frameOf(item: HistoryItem, subscription: Subscription, begin: bigint): Frame | null {
    if (item.kind === 'gap') {
      // Its numbers are the stream's own: what it asked for may lie within the hole.
      const gap = { ...item.gap, from: begin > item.gap.from ? begin : item.gap.from };
      return encodeFrame(null, 'gateway.gap', Buffer.from(JSON.stringify(gapData(gap))));
    }
    const { event } = item;
    if (!matches(subscription, event)) return null;
    return subscription.meta ? encodeWithMeta(event, event.event, event.source) : event;
  }

  return {
    slot,
    from,
    next: read.next,
    bytes,
    sliceAfter(floor, { ring, subscription, maxBytes, idLine }) {
      const parts: Uint8Array[] = [];
      let sliceBytes = 0;
      let events = 0;
      let records = 0;
      let reached: Positions = ring.positions.map((_, other) => ring.positionIn(floor, other));
      for (const item of items) {
        if (item.next <= reached[slot]!) continue;
        const frame = frameOf(item, subscription, reached[slot]!);
        if (frame !== null) {
          if (events > 0 && sliceBytes + frame.bytes.length > maxBytes) {
            return { parts, bytes: sliceBytes, events, records, floor: reached };
          }
          reached = reached.with(slot, item.next);
          sliceBytes += addFrame(parts, subscription, frame, idLine(reached));
          events++;
          if (item.kind === 'event') records++;
        } else reached = reached.with(slot, item.next);
      }
      // Past the last item there is nothing to give either, such as over transaction markers.
      if (read.next > reached[slot]!) reached = reached.with(slot, read.next);
      return { parts, bytes: sliceBytes, events, records, floor: reached };
    },
  };
}
