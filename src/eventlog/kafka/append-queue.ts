import type { AppendResult } from '../event-log';
import type { OutgoingRecord } from './protocol/record-encoder';

export interface PendingAppend {
  readonly record: OutgoingRecord;
  readonly bytes: number;
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number;
  readonly onSettled: (result: AppendResult) => void;
  settled: boolean;
}

/** Only the first result counts: after its deadline a record may still be answered. */
export function settle(append: PendingAppend, result: AppendResult): void {
  if (append.settled) return;
  append.settled = true;
  append.onSettled(result);
}

/** What all queues hold together. */
export interface QueueTally {
  records: number;
  bytes: number;
}

/** Records that wait for their batch, in order of arrival, which is the order of their deadlines too. */
export class AppendQueue {
  readonly #waiting: PendingAppend[] = [];
  readonly #tally: QueueTally;

  constructor(tally: QueueTally) {
    this.#tally = tally;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get oldest(): PendingAppend | undefined {
    return this.#waiting[0];
  }

  push(append: PendingAppend): void {
    this.#waiting.push(append);
    this.#tally.records++;
    this.#tally.bytes += append.bytes;
  }

  /** Takes the next batch: as much as fits, at least one. */
  take(maxRecords: number, maxBytes: number): readonly PendingAppend[] {
    let count = 0;
    let bytes = 0;
    for (const { bytes: more } of this.#waiting) {
      if (count > 0 && (count >= maxRecords || bytes + more > maxBytes)) break;
      count++;
      bytes += more;
    }
    return this.#shift(count);
  }

  takeExpired(nowMs: number): readonly PendingAppend[] {
    const alive = this.#waiting.findIndex(({ deadlineMs }) => deadlineMs > nowMs);
    return this.#shift(alive === -1 ? this.#waiting.length : alive);
  }

  #shift(count: number): readonly PendingAppend[] {
    const taken = this.#waiting.splice(0, count);
    this.#tally.records -= taken.length;
    for (const { bytes } of taken) this.#tally.bytes -= bytes;
    return taken;
  }
}
