import { atMost } from '../../backoff';
import type { AppendConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { AppendResult, NewRecord } from '../event-log';

interface Waiting {
  readonly records: readonly NewRecord[];
  readonly bytes: number;
  readonly timer: NodeJS.Timeout;
  readonly settle: (results: readonly AppendResult[]) => void;
}

/** Appends that wait until the tail has made room for them, in the order in which they came. */
export class WaitingAppends {
  /** Records of all that wait, and their bytes. */
  records = 0;
  bytes = 0;
  readonly #config: AppendConfig;
  readonly #waiting: Waiting[] = [];
  #onEmpty: (() => void) | null = null;

  constructor(config: AppendConfig) {
    this.#config = config;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves when the append is admitted or its deadline is over; at once when no more may wait. */
  async add(records: readonly NewRecord[], bytes: number): Promise<readonly AppendResult[]> {
    const { queueRecords, queueBytes, deadlineMs } = this.#config;
    if (this.records + records.length > queueRecords || this.bytes + bytes > queueBytes) {
      const error = new GatewayError('too-many-in-flight', 'too many events are waiting for the log');
      return rejectAll(records, error);
    }
    this.records += records.length;
    this.bytes += bytes;
    return new Promise((settle) => {
      const timer = setTimeout(() => this.#giveUp(entry), deadlineMs);
      const entry: Waiting = { records, bytes, timer, settle };
      this.#waiting.push(entry);
    });
  }

  /** Stores those that have room, oldest first, up to the first that has not. */
  admit(
    hasRoom: (records: number, bytes: number) => boolean,
    store: (records: readonly NewRecord[]) => readonly AppendResult[],
  ): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!hasRoom(first.records.length, first.bytes)) return;
      this.#leave(first);
      first.settle(store(first.records));
    }
  }

  /** Resolves when none waits any more; those that still do after `deadlineMs` are rejected. */
  async finish(deadlineMs: number): Promise<void> {
    if (this.isEmpty) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    await atMost(deadlineMs, empty);
    for (const entry of [...this.#waiting]) this.#giveUp(entry);
  }

  #leave(entry: Waiting): void {
    clearTimeout(entry.timer);
    this.#waiting.splice(this.#waiting.indexOf(entry), 1);
    this.records -= entry.records.length;
    this.bytes -= entry.bytes;
    if (this.isEmpty) this.#onEmpty?.();
  }

  #giveUp(entry: Waiting): void {
    const error = new GatewayError('log-unavailable', 'the log is full of events that are not delivered yet');
    this.#leave(entry);
    entry.settle(rejectAll(entry.records, error));
  }
}

/** The same error for each of these records. */
export function rejectAll(records: readonly NewRecord[], error: GatewayError): readonly AppendResult[] {
  return records.map(() => ({ ok: false, error }));
}
