import type {
  LogGap,
  LogLayout,
  LogRecord,
  PartitionBounds,
  ReadChunk,
} from '../../../src/eventlog/event-log';

/** A place in the log: a record, nothing (a transaction marker, or compacted away), or what cannot be decoded. */
export interface LogEntry {
  kind: 'record' | 'hole' | 'bad';
  readonly channel: string;
  readonly event: string | null;
}

export const TOPIC = 'events-topic';

interface ArrayPartition {
  logStart: number;
  readonly entries: LogEntry[];
}

/** The log as plain arrays, one for all replicas. What was trimmed stays in the arrays, for the oracle to look at. */
export class ArrayLog {
  readonly partitions: ArrayPartition[] = [];
  #topicId = 'a topic id';

  constructor(partitions: number) {
    for (let i = 0; i < partitions; i++) this.grow();
  }

  grow(): void {
    this.partitions.push({ logStart: 0, entries: [] });
  }

  /** Deletes the topic and creates it again, with as many partitions. */
  recreate(): void {
    this.#topicId = 'another topic id';
    for (const i of this.partitions.keys()) this.partitions[i] = { logStart: 0, entries: [] };
  }

  append(partition: number, entry: LogEntry): void {
    this.partitions[partition]!.entries.push(entry);
  }

  trim(partition: number, count: number): void {
    const found = this.partitions[partition]!;
    found.logStart = Math.min(found.logStart + count, found.entries.length);
  }

  /** Makes a hole of a record, as compaction does. */
  compact(partition: number, offset: number): void {
    const entry = this.partitions[partition]!.entries[offset];
    if (entry?.kind === 'record') entry.kind = 'hole';
  }

  layout(): LogLayout {
    const partitions = this.partitions.map((_, partition) => this.bounds(partition));
    return { clusterId: 'model', partitions, unavailable: [] };
  }

  bounds(partition: number): PartitionBounds {
    const { logStart, entries } = this.partitions[partition]!;
    const at = { topic: TOPIC, partition, topicId: this.#topicId };
    return { ...at, logStart: BigInt(logStart), logEnd: BigInt(entries.length) };
  }

  /** Up to `maxRecords` records between two offsets, with the gaps on the way. */
  read(partition: number, from: number, to: number, maxRecords: number): ReadChunk {
    const { logStart, entries } = this.partitions[partition]!;
    const at = { topic: TOPIC, partition };
    const records: LogRecord[] = [];
    const gaps: LogGap[] = [];
    const gap = (start: number, end: number, reason: LogGap['reason']) =>
      gaps.push({ ...at, from: BigInt(start), to: BigInt(end), reason });
    const end = Math.min(to, entries.length);
    let next = from;
    if (from < logStart) {
      next = Math.min(logStart, to);
      gap(from, next, 'retention');
    }
    while (next < end) {
      const entry = entries[next]!;
      if (entry.kind === 'record') {
        if (records.length === maxRecords) break;
        records.push(recordOf(partition, next, entry));
        next++;
      } else {
        const start = next;
        while (next < end && entries[next]!.kind === entry.kind) next++;
        if (entry.kind === 'bad') gap(start, next, 'codec');
      }
    }
    return { ...at, records, next: BigInt(next), leaderEpoch: 0, gaps };
  }
}

function recordOf(partition: number, offset: number, { channel, event }: LogEntry): LogRecord {
  const headers = [{ key: 'channel', value: Buffer.from(channel) }];
  if (event !== null) headers.push({ key: 'event', value: Buffer.from(event) });
  const value = Buffer.from(`${partition}:${offset}`);
  return { offset: BigInt(offset), timestampMs: 0, key: null, value, headers };
}
