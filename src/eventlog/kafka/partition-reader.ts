import type { Logger } from '../../logger';
import type {
  LogGap,
  LogRecord,
  PartitionBounds,
  PartitionStatus,
  ServiceState,
  TailListener,
  TopicPartition,
} from '../event-log';
import { createOriginalRecords, type OriginalRecords } from './origin-mark';
import type { FetchedPartition } from './protocol/fetch-request';
import { type RecordGap, readRecordSet } from './protocol/record-batch';
import { TrackedService } from './service';

/**
 * Records that are decoded before they are delivered, unless a batch has more. Decoding all of a large answer first
 * would keep so many short-lived objects at once that the garbage collector takes them for long-lived ones.
 */
const DELIVERY_RECORDS = 500;
const UNKNOWN_EPOCH = -1;
/** Elections that a truncation may reach back over: each costs one more question to the broker. */
const MAX_EPOCHS = 100;

interface PartitionReaderOptions {
  readonly bounds: PartitionBounds;
  readonly position: bigint;
  readonly listener: TailListener;
  readonly logger: Logger;
}

/** The tail's position in one partition: turns what was fetched into calls of the listener, in order. */
export class PartitionReader implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  readonly topicId: string;
  /** `ok` at first: its leader has just answered with its bounds. */
  readonly service = new TrackedService('ok');
  readonly #listener: TailListener;
  readonly #logger: Logger;
  readonly #originals: OriginalRecords;
  #position: bigint;
  readonly #epochs = new EpochHistory();
  #highWatermark: bigint;
  #lastStableOffset: bigint;
  /** The last stable offset that an open transaction has kept below the log's end, and since when. */
  #heldBack: { readonly at: bigint; readonly since: string } | null = null;
  #lastRecordAt: string | null = null;
  #lastAnswerMs = performance.now();

  constructor({ bounds, position, listener, logger }: PartitionReaderOptions) {
    this.topic = bounds.topic;
    this.partition = bounds.partition;
    this.topicId = bounds.topicId;
    this.#originals = createOriginalRecords(bounds.topicId);
    this.#position = position;
    this.#highWatermark = bounds.logEnd;
    this.#lastStableOffset = bounds.logEnd;
    this.#listener = listener;
    this.#logger = logger;
  }

  get position(): bigint {
    return this.#position;
  }

  fetched(): void {
    this.#lastAnswerMs = performance.now();
    if (this.service.current.state !== 'waiting') this.service.become('ok');
  }

  /** Up to this time, by `performance.now()`, the silence of its leader means nothing. */
  aliveUntil(untilMs: number): void {
    this.#lastAnswerMs = Math.max(this.#lastAnswerMs, untilMs);
  }

  /** Its leader is there, although nothing was fetched. */
  leaderAnswered(): void {
    this.#lastAnswerMs = performance.now();
    if (this.service.current.state === 'interrupted') this.service.become('ok');
  }

  /** It cannot be fetched until `fetched` is called. */
  lost(state: Exclude<ServiceState, 'ok' | 'starting'>, detail: string): void {
    this.service.become(state, detail);
  }

  /** Interrupts it when its leader has said nothing of it for too long. */
  checkSilence(limitMs: number): void {
    const silentMs = performance.now() - this.#lastAnswerMs;
    if (this.service.isServed && silentMs > limitMs)
      this.service.become('interrupted', `its leader has not answered for ${limitMs} ms`);
  }

  /** Leader epoch of what lies before `position`; −1 when it is not known. */
  get lastFetchedEpoch(): number {
    return this.#epochs.latest;
  }

  /**
   * Delivers what a fetch from `position` brought.
   * @returns false if the listener could not take all of it: the rest is to be fetched again
   */
  take(fetched: FetchedPartition): boolean {
    const { recordSet, abortedTransactions, highWatermark, lastStableOffset, diverging, logStart } = fetched;
    if (diverging !== null) {
      const { leaderEpoch, endOffset } = diverging;
      const end = endOffset < 0n ? logStart : endOffset;
      this.truncate(lesser(end, this.#epochs.endOf(leaderEpoch) ?? end));
      return true;
    }
    this.#noteEnds(highWatermark, lastStableOffset);
    if (recordSet.length === 0) return true;
    const found = readRecordSet(recordSet, this.#position, abortedTransactions, undefined, highWatermark);
    let waiting: LogRecord[] = [];
    let waitingEnd = this.#position;
    for (const part of found) {
      if ('reason' in part) {
        if (!this.#advance(waiting, part.from)) return false;
        this.#giveUp(part);
        waitingEnd = part.to;
      } else {
        if (part.leaderEpoch !== this.#epochs.latest && part.next > waitingEnd) {
          if (!this.#advance(waiting, waitingEnd)) return false;
          waiting = [];
          this.#epochs.begin(part.leaderEpoch, waitingEnd);
        }
        if (part.records.length > 0) this.#lastRecordAt = new Date().toISOString();
        for (const record of part.records) waiting.push(this.#originals.judge(record, part.producerId));
        waitingEnd = part.next;
        // The last part is empty; it ends what is left.
        if (part.records.length > 0 && waiting.length < DELIVERY_RECORDS) continue;
        if (!this.#advance(waiting, part.next)) return false;
      }
      waiting = [];
    }
    return true;
  }

  /** Goes on at `to` and reports the gap to the listener. */
  skip(to: bigint, reason: LogGap['reason']): void {
    const { topic, partition } = this;
    const from = this.#position;
    this.#position = to;
    this.#listener.onGap({ topic, partition, from, to, reason });
  }

  /** Goes on at `to`, with other records. Not below the position: that stays, and the epochs are not asked about again. */
  truncate(to: bigint): void {
    const { topic, partition } = this;
    this.#epochs.truncate(to);
    if (to >= this.#position) {
      this.#epochs.forget();
      return;
    }
    this.#logger.warn(
      { topic, partition, from: `${to}`, to: `${this.#position}` },
      'Unclean leader election removed records that were read',
    );
    this.#position = to;
    this.#noteEnds(to, to);
    this.#listener.onTruncated({ topic, partition, to });
  }

  status(): PartitionStatus {
    const { topic, partition } = this;
    return {
      topic,
      partition,
      position: this.#position,
      highWatermark: this.#highWatermark > this.#position ? this.#highWatermark : this.#position,
      lastStableOffset: this.#lastStableOffset,
      heldBackSince: this.#heldBack?.since ?? null,
      lastRecordAt: this.#lastRecordAt,
      read: this.service.current,
    };
  }

  /** Records behind the last stable offset are held back while it stands still: while it moves, transactions end. */
  #noteEnds(highWatermark: bigint, lastStableOffset: bigint): void {
    this.#highWatermark = highWatermark;
    this.#lastStableOffset = lastStableOffset;
    if (lastStableOffset < 0n || lastStableOffset >= highWatermark) this.#heldBack = null;
    else if (this.#heldBack?.at !== lastStableOffset)
      this.#heldBack = { at: lastStableOffset, since: new Date().toISOString() };
  }

  #giveUp({ from, to, reason, detail }: RecordGap): void {
    const { topic, partition } = this;
    this.#logger.warn(
      { topic, partition, from: `${from}`, to: `${to}`, reason, detail },
      'Unreadable records',
    );
    this.skip(to, reason);
  }

  /** Answers false when the listener cannot take all of them yet. */
  #advance(records: readonly LogRecord[], next: bigint): boolean {
    if (records.length === 0 && next === this.#position) return true;
    const { topic, partition } = this;
    const untaken = this.#listener.onRecords({
      topic,
      partition,
      records,
      next,
      leaderEpoch: this.#epochs.latest,
    });
    this.#position = untaken?.from ?? next;
    if (untaken === null) {
      if (this.service.current.state === 'waiting') this.service.become('ok');
    } else if (untaken.detail !== null) this.service.become('waiting', untaken.detail);
    return untaken === null;
  }
}

function lesser(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Leader epochs of what was read last, with where each of them began. */
class EpochHistory {
  /** Ascending in both. */
  #begun: { readonly epoch: number; readonly start: bigint }[] = [];

  /** −1 when it is not known. */
  get latest(): number {
    return this.#begun.at(-1)?.epoch ?? UNKNOWN_EPOCH;
  }

  /** What follows from `start` on is of this epoch; −1 is not known, nor is what lies before it then. */
  begin(epoch: number, start: bigint): void {
    if (epoch <= this.latest) this.#begun = [];
    if (epoch === UNKNOWN_EPOCH) return;
    this.#begun.push({ epoch, start });
    if (this.#begun.length > MAX_EPOCHS) this.#begun.shift();
  }

  /** Where the records of `epoch` and earlier ones end; null when all that is known is of them. */
  endOf(epoch: number): bigint | null {
    return this.#begun.find((entry) => entry.epoch > epoch)?.start ?? null;
  }

  /** Nothing from `end` on was read. */
  truncate(end: bigint): void {
    this.#begun = this.#begun.filter(({ start }) => start < end);
  }

  forget(): void {
    this.#begun = [];
  }
}
