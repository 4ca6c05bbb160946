import type { EventPlace } from './received-event.js';

/** Counts the records that passed without the page hearing them, by the offsets that were left out. */
export interface Unheard {
  readonly count: number;
  see(place: EventPlace): void;
  /** What comes next may be anywhere. */
  forgetPlaces(): void;
}

export function createUnheard(): Unheard {
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
    forgetPlaces: () => last.clear(),
  };
}
