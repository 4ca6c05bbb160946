import type { EventPosition } from './received-event.js';

/** Counts the records that the stream did not show, by the offsets that were skipped. */
interface HiddenRecords {
  readonly count: number;
  see(position: EventPosition): void;
  /** After a gap or reset: the next offsets may be any. */
  forgetPositions(): void;
}

export function createHiddenRecords(): HiddenRecords {
  const last = new Map<string, bigint>();
  let count = 0;
  return {
    get count() {
      return count;
    },
    see({ topic, partition, offset }) {
      const key = `${topic}/${partition}`;
      const at = BigInt(offset);
      const before = last.get(key);
      if (before !== undefined && at > before) count += Number(at - before - 1n);
      last.set(key, at);
    },
    forgetPositions: () => last.clear(),
  };
}
