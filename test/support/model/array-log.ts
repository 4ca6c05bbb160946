import type {
  EpochEnd,
  EpochQuery,
  LogGap,
  LogLayout,
  LogRecord,
  PartitionBounds,
  ReadChunk,
  TopicPartition,
} from '../../../src/eventlog/event-log';

/** What is at an offset: a record, nothing (a transaction marker, or compacted), or a record that cannot be decoded. */
export interface LogEntry {
  kind: 'record' | 'hole' | 'bad';
  readonly channel: string;
  readonly event: string | null;
}

/** An entry at its offset. */
export interface Stored extends LogEntry {
  /** Its value: unique, also among records that had the same offset before. */
  readonly text: string;
  readonly timestampMs: number;
  readonly epoch: number;
}

export const TOPIC = 'events-topic';
export const TOPICS = [TOPIC, 'other-topic'] as const;

/** The partitions of all topics are in one list, in the order of their creation: `flat` is an index into it. */
interface ArrayPartition {
  readonly topic: string;
  /** Number within its topic. */
  readonly number: number;
  logStart: number;
  entries: Stored[];
  epoch: number;
  /** Where unclean elections removed records, and the epochs that began there. */
  truncations: { readonly to: number; readonly epoch: number }[];
  isDown: boolean;
}

/** The event log as plain arrays, one for all gateways. Trimmed records stay in the arrays for the checks. */
export class ArrayLog {
  readonly partitions: ArrayPartition[] = [];
  /** All entries ever stored, by their text. */
  readonly stored = new Map<string, Stored>();
  readonly #incarnations = new Map<string, number>();
  /** Plausible as a time: implausible ones do not count. */
  #nowMs = Date.UTC(2026, 0, 1);

  constructor(partitions: number, others = 0) {
    for (let i = 0; i < partitions; i++) this.grow();
    for (let i = 0; i < others; i++) this.grow(TOPICS[1]);
  }

  /** Moves on with each entry: no two have the same time. */
  get nowMs(): number {
    return this.#nowMs;
  }

  grow(topic: string = TOPIC): void {
    const number = this.partitions.filter((one) => one.topic === topic).length;
    const own = { logStart: 0, entries: [], epoch: 0, truncations: [], isDown: false };
    this.partitions.push({ topic, number, ...own });
  }

  /** Deletes a topic and creates it again with the same number of partitions. */
  recreate(topic: string = TOPIC): void {
    this.#incarnations.set(topic, this.#incarnationOf(topic) + 1);
    for (const one of this.partitions) {
      if (one.topic === topic) Object.assign(one, { logStart: 0, entries: [], epoch: 0, truncations: [] });
    }
  }

  /** All ids that a topic has had, the current one last. */
  topicIdsOf(topic: string): string[] {
    return Array.from({ length: this.#incarnationOf(topic) + 1 }, (_, i) => `${topic} ${i}`);
  }

  append(partition: number, entry: LogEntry): void {
    const { topic, entries, epoch } = this.partitions[partition]!;
    const incarnation = this.#incarnationOf(topic);
    const place = `${partition}:${entries.length}`;
    const text = incarnation + epoch === 0 ? place : `${place}:${incarnation}.${epoch}`;
    const added = { ...entry, text, timestampMs: ++this.#nowMs, epoch };
    entries.push(added);
    this.stored.set(text, added);
    this.#nowMs++;
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

  /** An unclean leader election: the last `count` entries are gone, and what follows is of a new epoch. */
  truncate(partition: number, count: number): void {
    const found = this.partitions[partition]!;
    const to = Math.max(found.logStart, found.entries.length - count);
    found.entries.length = to;
    found.epoch++;
    found.truncations.push({ to, epoch: found.epoch });
  }

  /** Stops or starts the leader of a partition. */
  toggle(partition: number): void {
    const found = this.partitions[partition]!;
    found.isDown = !found.isDown;
  }

  layout(timeMs?: number): LogLayout {
    const all = this.partitions.map((one, flat) => ({ one, flat }));
    return {
      clusterId: 'model',
      partitions: all.filter(({ one }) => !one.isDown).map(({ flat }) => this.bounds(flat, timeMs)),
      unavailable: all
        .filter(({ one }) => one.isDown)
        .map(({ one }) => ({ ...this.nameOf(one), reason: 'unreachable' })),
    };
  }

  bounds(flat: number, timeMs?: number): PartitionBounds {
    const one = this.partitions[flat]!;
    const bounds = {
      ...this.nameOf(one),
      logStart: BigInt(one.logStart),
      logEnd: BigInt(one.entries.length),
    };
    return timeMs === undefined ? bounds : { ...bounds, atTime: BigInt(this.atTime(flat, timeMs)) };
  }

  /** The first offset with this time or a later one. */
  atTime(flat: number, timeMs: number): number {
    const { entries, logStart } = this.partitions[flat]!;
    const found = entries.findIndex((entry) => entry.timestampMs >= timeMs);
    return found < 0 ? entries.length : Math.max(found, logStart);
  }

  nameOf({ topic, number }: Pick<ArrayPartition, 'topic' | 'number'>): TopicPartition & { topicId: string } {
    return { topic, partition: number, topicId: this.topicIdsOf(topic).at(-1)! };
  }

  flatOf({ topic, partition }: TopicPartition): number {
    return this.partitions.findIndex((one) => one.topic === topic && one.number === partition);
  }

  /** Where an epoch, or the last one before it, ends. */
  epochEnd({ topic, partition, leaderEpoch }: EpochQuery): EpochEnd {
    const { entries, epoch } = this.partitions[this.flatOf({ topic, partition })]!;
    const later = entries.findIndex((entry) => entry.epoch > leaderEpoch);
    return {
      topic,
      partition,
      leaderEpoch: Math.min(leaderEpoch, epoch),
      endOffset: BigInt(later < 0 ? entries.length : later),
    };
  }

  /** Up to `maxRecords` records of one epoch between two offsets, with the gaps between them. */
  read(flat: number, from: number, to: number, maxRecords: number): ReadChunk {
    const { topic, number, logStart, entries, epoch } = this.partitions[flat]!;
    const at = { topic, partition: number };
    const records: LogRecord[] = [];
    const gaps: LogGap[] = [];
    const gap = (start: number, end: number, reason: LogGap['reason']) =>
      gaps.push({ ...at, from: BigInt(start), to: BigInt(end), reason });
    let next = from;
    if (from < logStart) {
      next = Math.min(logStart, to);
      gap(from, next, 'retention');
    }
    const leaderEpoch = entries[next]?.epoch ?? epoch;
    let end = Math.min(to, entries.length);
    const later = entries.findIndex((entry, offset) => offset >= next && entry.epoch !== leaderEpoch);
    if (later >= 0) end = Math.min(end, later);
    while (next < end) {
      const entry = entries[next]!;
      if (entry.kind === 'record') {
        if (records.length === maxRecords) break;
        records.push(recordOf(next, entry));
        next++;
      } else {
        const start = next;
        while (next < end && entries[next]!.kind === entry.kind) next++;
        if (entry.kind === 'bad') gap(start, next, 'codec');
      }
    }
    return { ...at, records, next: BigInt(next), leaderEpoch, gaps };
  }

  #incarnationOf(topic: string): number {
    return this.#incarnations.get(topic) ?? 0;
  }
}

function recordOf(offset: number, { channel, event, text, timestampMs }: Stored): LogRecord {
  const headers = [{ key: 'channel', value: Buffer.from(channel) }];
  if (event !== null) headers.push({ key: 'event', value: Buffer.from(event) });
  return { offset: BigInt(offset), timestampMs, key: null, value: Buffer.from(text), headers };
}
