import type { AppendResult, NewRecord } from '../event-log';

/** A record that waits for its batch. */
export interface QueuedAppend {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: NewRecord['headers'];
  readonly bytes: number;
  /** On the clock of `performance.now()`. */
  readonly deadlineMs: number;
  /** To be called once. */
  readonly onSettled: (result: AppendResult) => void;
}

/** What waits for the request in flight, in the order in which it came; deadlines are in that order too. */
export class AppendQueue {
  readonly #waiting: QueuedAppend[] = [];
  #bytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get oldest(): QueuedAppend | undefined {
    return this.#waiting[0];
  }

  push(queued: QueuedAppend): void {
    this.#waiting.push(queued);
    this.#bytes += queued.bytes;
  }

  /** Takes the next batch: as much as fits, at least one. */
  take(maxRecords: number, maxBytes: number): readonly QueuedAppend[] {
    let count = 0;
    let bytes = 0;
    for (const { bytes: more } of this.#waiting) {
      if (count === maxRecords || (count > 0 && bytes + more > maxBytes)) break;
      count++;
      bytes += more;
    }
    return this.#shift(count);
  }

  /** Takes what is past its deadline. */
  takeExpired(nowMs: number): readonly QueuedAppend[] {
    const alive = this.#waiting.findIndex(({ deadlineMs }) => deadlineMs > nowMs);
    return this.#shift(alive === -1 ? this.#waiting.length : alive);
  }

  #shift(count: number): readonly QueuedAppend[] {
    const taken = this.#waiting.splice(0, count);
    for (const { bytes } of taken) this.#bytes -= bytes;
    return taken;
  }
}
