/**
 * The log port: the one thing the gateway remembers events in. Two adapters serve it, `memory/` and `kafka/`,
 * and both pass the same contract suite (test/contract/event-log-suite.ts).
 *
 * An offset is the position of a record in its partition; a *position* is always the offset of the NEXT record
 * to read, so that it stays right across filtered, compacted and transactional records.
 */

import type { LogCounts } from './records';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** A partition and what the log held of it when it was asked: records `logStart` (included) to `logEnd` (excluded). */
export interface PartitionBounds extends TopicPartition {
  /** Kafka's topic UUID as 32 hex digits: a topic that was deleted and created again has another one. */
  readonly topicId: string;
  readonly logStart: bigint;
  readonly logEnd: bigint;
  /** Only when a time was asked for: the first record of that time or later; `logEnd` when there is none. */
  readonly atTime?: bigint;
}

/** A partition that exists, but whose bounds are not known. It joins the tail as soon as they are. */
export interface UnavailablePartition extends TopicPartition {
  readonly topicId: string;
  /** `unreachable`: no leader, or the leader does not answer. `forbidden`: the right to read is missing. */
  readonly reason: 'unreachable' | 'forbidden';
}

/** What is behind the log at one moment. A topic that does not exist (yet) has no partitions here. */
export interface LogLayout {
  /** Kafka's cluster id; for a memory log a value that is new at each start, since its history is. */
  readonly clusterId: string;
  readonly partitions: readonly PartitionBounds[];
  readonly unavailable: readonly UnavailablePartition[];
}

export interface RecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

export interface NewRecord {
  readonly topic: string;
  /** Decides the partition, as Kafka's default partitioner does (murmur2). Null spreads over all partitions. */
  readonly key: string | Buffer | null;
  readonly value: Buffer;
  readonly headers: readonly RecordHeader[];
  /** Every reader can tell the record from a copy of it: `LogRecord.isOriginal`. Default: none can. */
  readonly markOriginal?: boolean;
}

export interface LogRecord {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  /** Null is a tombstone. The buffer may be a view of a larger one: copy what is to be kept. */
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
  /** A log appended it with `markOriginal`, in this topic. Never set for a copy that another program made of it. */
  readonly isOriginal?: boolean;
}

export interface RecordBatch extends TopicPartition {
  /** In offset order; may be empty when the log moved on over records that are not to be delivered. */
  readonly records: readonly LogRecord[];
  /** Position after this batch: greater than the last record's offset, by more than one across a hole. */
  readonly next: bigint;
  /** Of all before `next` in this batch, which never spans two. −1: not known (before Kafka 0.11). Memory log: 0. */
  readonly leaderEpoch: number;
}

/** Offsets `from` (included) to `to` (excluded) of a partition cannot be delivered. */
export interface LogGap extends TopicPartition {
  readonly from: bigint;
  readonly to: bigint;
  /** `retention`: deleted before they were read. `codec`: compressed with something unreadable. `corrupt`: bad checksum. */
  readonly reason: 'retention' | 'codec' | 'corrupt';
}

/** Topics are not the ones that were being read: what was known of their positions is void. */
export interface LogReset {
  /** `recreated`: another topic id. `cluster`: another cluster id. */
  readonly reason: 'recreated' | 'cluster';
  /** Names of the topics concerned; all others go on as before. For `cluster` all of them. */
  readonly topics: readonly string[];
  /** Has every topic of the log. The others' `logEnd` is how far they have been read. */
  readonly layout: LogLayout;
}

/** An unclean leader election removed records that were delivered: a position, or its leader epoch, lies beyond the log's end. */
export interface LogTruncation extends TopicPartition {
  /** First offset whose record is not the one that was delivered; reading goes on here. */
  readonly to: bigint;
}

/** Where a partition that appeared while tailing is read from. */
export interface JoinedPartition extends PartitionBounds {
  /**
   * `logStart` for a partition that is new. For one that existed when the tail started, but was unavailable: the first
   * record written since that time, so that streams get nothing older than themselves and miss nothing.
   */
  readonly start: bigint;
}

/** Records that the listener cannot take yet. */
export interface Untaken {
  /** Offset of the first of them. */
  readonly from: bigint;
  /** What they wait for, once that takes too long; null: nothing worth telling. */
  readonly detail: string | null;
}

/**
 * What the log tells its one reader. Calls are synchronous and must not throw: a throw is a defect and stops the
 * tail. Per partition, calls come in offset order and leave nothing out: each position from the start is covered
 * by exactly one batch or gap, as far as the listener took it.
 */
export interface TailListener {
  /** Once, when the log is first reachable and before any record. Answers where to start, one position a partition. */
  onStart(layout: LogLayout): readonly bigint[];
  /**
   * Answers null when it took all of the batch. Else it took what lies before `from` and nothing more: after a pause the
   * tail offers the partition's records from there again, so that nothing is kept in between.
   */
  onRecords(batch: RecordBatch): Untaken | null;
  onGap(gap: LogGap): void;
  /** Reading goes on from `layout`'s `logEnd` of every partition of the topics concerned. */
  onReset(reset: LogReset): void;
  onTruncated(truncation: LogTruncation): void;
  /** Partitions that appeared while tailing; each is read from its `start`. */
  onPartitions(added: readonly JoinedPartition[]): void;
}

/** A running tail. Pausing stops fetching, not delivery: what has been fetched already may still arrive. */
export interface Tail {
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export type AppendResult =
  | ({
      readonly ok: true;
      readonly offset: bigint;
      /** It was stored under this leader epoch, or, right after an election, a later one; unset when that is not known. */
      readonly leaderEpoch?: number;
    } & TopicPartition)
  | { readonly ok: false; readonly error: Error };

export interface ReadLimits {
  /** At most this many bytes of records, but always at least one record, so that a large one can pass. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

export interface ReadChunk extends RecordBatch {
  /** What could not be read on the way; all of it lies in the range read. */
  readonly gaps: readonly LogGap[];
}

export interface EpochQuery extends TopicPartition {
  readonly leaderEpoch: number;
}

export interface EpochEnd extends TopicPartition {
  /** The epoch asked for, or the latest one before it that has records; −1 when there is none. */
  readonly leaderEpoch: number;
  readonly endOffset: bigint;
}

/** ISO 8601. */
type IsoTime = string;

export interface LastError {
  /** Without credentials. */
  readonly message: string;
  readonly at: IsoTime;
  /** When what it was about was seen to be over; null while it goes on. */
  readonly resolvedAt: IsoTime | null;
}

export interface ConnectionStatus {
  readonly connected: boolean;
  readonly state: 'starting' | 'connected' | 'interrupted' | 'closed';
  readonly stateSince: IsoTime;
  /** Null when there was none. */
  readonly lastError: LastError | null;
  /** A broker's quota keeps this side waiting until then; null when none does. */
  readonly throttledUntil: IsoTime | null;
}

/**
 * What can be done with a topic or a partition.
 * - `ok`: it is served;
 * - `starting`: not reached yet since the start;
 * - `missing`: the topic does not exist;
 * - `forbidden`: a right is missing;
 * - `interrupted`: no leader, or the leader does not answer;
 * - `waiting`: it can be read, but its listener cannot take its records yet.
 */
export type ServiceState = 'ok' | 'starting' | 'missing' | 'forbidden' | 'interrupted' | 'waiting';

export interface Service {
  readonly state: ServiceState;
  readonly since: IsoTime;
  /** What is wrong and what to do, without credentials; null when `ok` or `starting`. */
  readonly detail: string | null;
}

/** The offsets are null for a partition that has not been read yet. */
export interface PartitionStatus extends TopicPartition {
  readonly position: bigint | null;
  readonly highWatermark: bigint | null;
  /** End of what a reader of committed records may see; an open transaction keeps it below `highWatermark`. */
  readonly lastStableOffset: bigint | null;
  /** An open transaction has held records back since then; null when none does. */
  readonly heldBackSince: IsoTime | null;
  /** When the last record was read; null when none was. */
  readonly lastRecordAt: IsoTime | null;
  readonly read: Service;
}

/** One topic of the configuration, whether or not it exists. */
export interface TopicStatus {
  readonly topic: string;
  /** Of its partitions the worst. */
  readonly read: Service;
  readonly append: Service;
  /** Rights on the topic that are missing, and how to give them; null: not missing, or not known. */
  readonly missingRights: { readonly read: string | null; readonly write: string | null };
}

export interface LogStatus {
  readonly eventLog: 'memory' | 'kafka';
  readonly producer: ConnectionStatus;
  readonly consumer: ConnectionStatus & { readonly partitions: readonly PartitionStatus[] };
  /** In the order of the configuration. */
  readonly topics: readonly TopicStatus[];
  readonly counts: LogCounts;
}

export interface EventLog {
  /**
   * Stores records and answers once the log has them (Kafka: acks −1), one result each in order. Never rejects:
   * a record that was not stored has a `GatewayError` as its result (`log-unavailable`, `outcome-unknown`,
   * `too-many-in-flight`, `event-too-large`, `event-rejected`, `unknown-topic`, `topic-forbidden`, `draining`).
   */
  append(records: readonly NewRecord[]): Promise<readonly AppendResult[]>;
  /** Starts the one tail of this log. Retries by itself until the log is there. Throws when called twice. */
  tail(listener: TailListener): Tail;
  /**
   * Reads from `from` up to `to` (excluded) or `maxBytes`, whichever comes first. `next` says how far it came;
   * it is past `from` unless `from` ≥ the log's end.
   * @throws GatewayError `log-unavailable`, `offset-out-of-range`, `unknown-topic`
   */
  read(partition: TopicPartition, from: bigint, to: bigint, limits: ReadLimits): Promise<ReadChunk>;
  /**
   * A fresh look at the log's bounds; partitions it finds for the first time join the tail.
   * @param options.timeMs Unix time: each partition's `atTime` is found too
   * @throws GatewayError `log-unavailable` when the list of partitions is not available; a leader that does not
   *   answer only makes its partitions `unavailable`
   */
  bounds(options?: { readonly timeMs?: number }): Promise<LogLayout>;
  /**
   * For each partition asked: where the log's records of leader epoch `leaderEpoch` or earlier end, and the latest such
   * epoch that it has (KIP-320). A position beyond that end, reached under that epoch, is of a log that was truncated.
   * A partition that cannot be asked at the moment is left out.
   * @throws GatewayError `log-unavailable`
   */
  epochEnds(asked: readonly EpochQuery[]): Promise<readonly EpochEnd[]>;
  /** From memory, without asking the log. */
  status(): LogStatus;
  /** Finishes what was appended, within `deadlineMs`, then lets go of every connection. */
  close(deadlineMs: number): Promise<void>;
}
