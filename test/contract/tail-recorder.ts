import type {
  JoinedPartition,
  LogGap,
  LogLayout,
  LogRecord,
  LogReset,
  LogTruncation,
  PartitionBounds,
  RecordBatch,
  TailListener,
  TopicPartition,
  Untaken,
} from '../../src/eventlog/event-log';
import { until } from '../support/until';

export type SeenRecord = LogRecord & TopicPartition;

/**
 * Keeps what a tail says, and holds it against the port's promise: per partition, each position from the start is
 * covered by exactly one batch or gap, in order. `violations` must be empty at the end of every test.
 */
export class TailRecorder implements TailListener {
  readonly records: SeenRecord[] = [];
  readonly gaps: LogGap[] = [];
  readonly resets: LogReset[] = [];
  readonly truncations: LogTruncation[] = [];
  readonly added: JoinedPartition[] = [];
  readonly violations: string[] = [];
  layout: LogLayout | null = null;
  readonly #startOf: (bounds: PartitionBounds) => bigint;
  readonly #positions = new Map<string, bigint>();

  constructor(startOf: (bounds: PartitionBounds) => bigint = ({ logEnd }) => logEnd) {
    this.#startOf = startOf;
  }

  onStart(layout: LogLayout): readonly bigint[] {
    if (this.layout !== null) this.violations.push('onStart came twice');
    this.layout = layout;
    const positions = layout.partitions.map(this.#startOf);
    for (const [index, bounds] of layout.partitions.entries())
      this.#positions.set(key(bounds), positions[index]!);
    return positions;
  }

  onRecords(batch: RecordBatch): Untaken | null {
    const position = this.#position(batch, 'onRecords');
    let last = position - 1n;
    for (const record of batch.records) {
      if (record.offset <= last) this.violations.push(`${key(batch)}: offset ${record.offset} after ${last}`);
      last = record.offset;
      this.records.push({ ...record, topic: batch.topic, partition: batch.partition });
    }
    if (batch.next <= last) this.violations.push(`${key(batch)}: next ${batch.next} is not past ${last}`);
    this.#positions.set(key(batch), batch.next);
    return null;
  }

  onGap(gap: LogGap): void {
    const position = this.#position(gap, 'onGap');
    if (gap.from !== position || gap.to <= gap.from) {
      this.violations.push(`${key(gap)}: gap ${gap.from}..${gap.to} at ${position}`);
    }
    this.gaps.push(gap);
    this.#positions.set(key(gap), gap.to);
  }

  onReset(reset: LogReset): void {
    this.resets.push(reset);
    for (const name of this.#positions.keys())
      if (reset.topics.some((topic) => name.startsWith(`${topic}/`))) this.#positions.delete(name);
    for (const bounds of reset.layout.partitions)
      if (reset.topics.includes(bounds.topic)) this.#positions.set(key(bounds), bounds.logEnd);
  }

  onTruncated(truncation: LogTruncation): void {
    this.#position(truncation, 'onTruncated');
    this.truncations.push(truncation);
    this.#positions.set(key(truncation), truncation.to);
  }

  onPartitions(added: readonly JoinedPartition[]): void {
    for (const bounds of added) {
      if (this.#positions.has(key(bounds))) this.violations.push(`${key(bounds)}: added twice`);
      this.#positions.set(key(bounds), bounds.start);
      this.added.push(bounds);
    }
  }

  get texts(): string[] {
    return this.records.map(textOf);
  }

  async started(): Promise<LogLayout> {
    return until(() => this.layout, 'the tail started');
  }

  async sees(count: number): Promise<readonly SeenRecord[]> {
    await until(() => this.records.length >= count, `${count} records seen`);
    return this.records;
  }

  #position(at: TopicPartition, call: string): bigint {
    const position = this.#positions.get(key(at));
    if (position === undefined) this.violations.push(`${key(at)}: ${call} for an unknown partition`);
    return position ?? 0n;
  }
}

export function textOf({ value }: LogRecord): string {
  return value === null ? 'null' : value.toString();
}

function key({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
