import type { AppendConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { AppendResult, NewRecord } from '../event-log';

/** Appends that wait until the tail has made room for them, in the order in which they came. */
export interface WaitingAppends {
  /** Records of all that wait, and their bytes. */
  readonly records: number;
  readonly bytes: number;
  readonly isEmpty: boolean;
  /** Resolves when the append is admitted or its deadline is over; at once when no more may wait. */
  add(records: readonly NewRecord[], bytes: number): Promise<readonly AppendResult[]>;
  /** Stores those that have room, oldest first, up to the first that has not. */
  admit(
    hasRoom: (records: number, bytes: number) => boolean,
    store: (records: readonly NewRecord[]) => readonly AppendResult[],
  ): void;
  /** Resolves when none waits any more; those that still do after `deadlineMs` are rejected. */
  finish(deadlineMs: number): Promise<void>;
}

interface Waiting {
  readonly records: readonly NewRecord[];
  readonly bytes: number;
  readonly timer: NodeJS.Timeout;
  readonly settle: (results: readonly AppendResult[]) => void;
}

export function createWaitingAppends(config: AppendConfig): WaitingAppends {
  const waiting: Waiting[] = [];
  let recordCount = 0;
  let byteCount = 0;
  let onEmpty: (() => void) | null = null;

  function leave(entry: Waiting): Waiting {
    clearTimeout(entry.timer);
    waiting.splice(waiting.indexOf(entry), 1);
    recordCount -= entry.records.length;
    byteCount -= entry.bytes;
    if (waiting.length === 0) onEmpty?.();
    return entry;
  }

  function giveUp(entry: Waiting): void {
    const error = new GatewayError('log-unavailable', 'the log is full of events that are not delivered yet');
    leave(entry).settle(rejectAll(entry.records, error));
  }

  return {
    get records() {
      return recordCount;
    },
    get bytes() {
      return byteCount;
    },
    get isEmpty() {
      return waiting.length === 0;
    },
    async add(records, bytes) {
      if (recordCount + records.length > config.queueRecords || byteCount + bytes > config.queueBytes) {
        const error = new GatewayError('too-many-in-flight', 'too many events are waiting for the log');
        return rejectAll(records, error);
      }
      recordCount += records.length;
      byteCount += bytes;
      return new Promise((settle) => {
        const timer = setTimeout(() => giveUp(entry), config.deadlineMs);
        const entry: Waiting = { records, bytes, timer, settle };
        waiting.push(entry);
      });
    },
    admit(hasRoom, store) {
      while (waiting.length > 0 && hasRoom(waiting[0]!.records.length, waiting[0]!.bytes)) {
        const { records, settle } = leave(waiting[0]!);
        settle(store(records));
      }
    },
    async finish(deadlineMs) {
      if (waiting.length === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      for (const entry of [...waiting]) giveUp(entry);
    },
  };
}

/** The same error for each of these records. */
export function rejectAll(records: readonly NewRecord[], error: GatewayError): readonly AppendResult[] {
  return records.map(() => ({ ok: false, error }));
}
