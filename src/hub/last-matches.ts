import type { Ring } from './ring';
import { matches, type Subscription } from './subscription';

/** Answers that are cached: connecting clients ask for the same few again and again. */
const MAX_REMEMBERED = 1_000;

interface Remembered {
  /** The ring's head when it was looked at last. */
  head: number;
  /** Matching entries, oldest first, at most as many as were asked for. */
  seqs: number[];
}

/** Finds the last entries of the ring that match a subscription; looks at no entry twice. */
export interface LastMatches {
  /** Where a stream begins that is to get the last `count` matching entries still in the ring. */
  seqOf(subscription: Subscription, count: number): number;
}

export function createLastMatches(ring: Ring): LastMatches {
  const remembered = new Map<string, Remembered>();

  /** Matching entries from the newest one back to `from`, oldest first. */
  function look(subscription: Subscription, count: number, from: number): number[] {
    const seqs: number[] = [];
    for (let seq = ring.head - 1; seq >= from && seqs.length < count; seq--) {
      const entry = ring.at(seq);
      // An entry without a slot concerned only the streams that were open then.
      if (entry.slot !== null && !entry.isVoid && matches(subscription, entry)) seqs.push(seq);
    }
    return seqs.reverse();
  }

  return {
    seqOf(subscription, count) {
      const key = `${count} ${subscription.key}`;
      const before = remembered.get(key) ?? { head: 0, seqs: [] };
      const found = look(subscription, count, Math.max(ring.base, before.head));
      const older = before.seqs.filter((seq) => seq >= ring.base && !ring.at(seq).isVoid);
      const seqs = [...older, ...found].slice(-count);
      remembered.delete(key);
      remembered.set(key, { head: ring.head, seqs });
      if (remembered.size > MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!);
      return seqs[0] ?? ring.head;
    },
  };
}
