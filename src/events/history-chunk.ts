import type { LogGap, ReadChunk } from '../eventlog/event-log';
import { ChannelIndex } from '../hub/channel-index';
import type { HistoryChunk, HistoryEntry } from '../hub/replay';
import { createEntry, type FrameFrom } from '../hub/ring';
import type { WaitingValue } from '../values/decoded';
import { gapData, ownFrame } from '../wire/own-event';
import { encodeRecord } from './record-entry';
import type { Topic } from './topic-map';

/** Makes the events of what was read. */
export function createHistoryChunk(
  slot: number,
  from: bigint,
  read: ReadChunk,
  topic: Topic,
  maxFrameBytes: number,
): HistoryChunk | WaitingValue {
  const entries: HistoryEntry[] = read.gaps.map((gap) => gapEntry(slot, gap));
  let isFinal = entries.length === 0;
  let bytes = 0;
  for (const record of read.records) {
    const entry = encodeRecord(null, record, slot, read, topic, maxFrameBytes);
    if ('leftOut' in entry) {
      isFinal = false;
      continue;
    }
    if ('until' in entry) return entry;
    const { undecodable, unmapped } = entry.origin;
    if (undecodable !== null || unmapped !== null) isFinal = false;
    bytes += entry.bytes.length + entry.originBytes;
    entries.push({ next: record.offset + 1n, entry });
  }
  entries.sort((a, b) => (a.next < b.next ? -1 : 1));
  const index = new ChannelIndex();
  for (const [i, { entry }] of entries.entries()) index.add(i, entry);
  return { slot, from, next: read.next, bytes: bytes + index.bytes, entries, index, isFinal };
}

/** Its numbers are each stream's own: what the client asked for may lie within the gap. */
function gapEntry(slot: number, gap: LogGap): HistoryEntry {
  const event = 'gateway.gap';
  const frameFrom: FrameFrom = (position) => {
    const own = { ...gap, from: position > gap.from ? position : gap.from };
    return ownFrame(event, gapData(own));
  };
  const address = { channel: null, event, isOwn: true };
  return { next: gap.to, entry: createEntry(frameFrom(gap.from), address, slot, null, 0, frameFrom) };
}
