import { entryTimestampMs } from '../events/record-entry';
import type { Positions } from '../hub/positions';
import type { Ring } from '../hub/ring';
import { type Subscription, wantsCandidate } from '../hub/subscription';

/** Elements of the answers that are cached, and answers: connecting clients ask for the same few again and again. */
const MAX_SIZE = 20_000;
const MAX_ANSWERS = 1_000;

interface Match {
  readonly seq: number;
  readonly slot: number;
  /** Of it and of those before it in its partition the latest. */
  readonly timeMs: number;
}

interface Remembered {
  /** The ring's head when it was looked at last. */
  readonly head: number;
  /** The newest matches, oldest first, at most as many as were asked for. */
  readonly matches: readonly Match[];
  /** By slot, the latest time of a match. */
  readonly latestMs: Map<number, number>;
  /** Elements of both. */
  readonly size: number;
}

/** Finds the newest records of the ring that match a subscription; looks at none twice. */
interface LastMatches {
  /** The floor of a stream that is to get the newest `count` matching records that are still in the ring. */
  floorOf(subscription: Subscription, count: number): Positions;
}

/**
 * Newest by time, not by place: the ring is warmed partition by partition, and a partition that was unreachable comes
 * late. Within a partition the order is that of the offsets, so a record counts as at least as new as those before it.
 */
export function createLastMatches(ring: Ring): LastMatches {
  const remembered = new Map<string, Remembered>();
  /** Of all answers. */
  let size = 0;

  /** Matches from `from` on, in the order of the ring. */
  function look(subscription: Subscription, from: number, latestMs: Map<number, number>): Match[] {
    const matches: Match[] = [];
    const candidates = ring.candidates(subscription);
    const nowMs = Date.now();
    for (let seq = candidates.next(from); seq < ring.head; seq = candidates.next(seq + 1)) {
      const entry = ring.at(seq);
      const { slot, channel, isVoid } = entry;
      // What is not a record is reported where it lies between two.
      if (slot === null || channel === null || isVoid || !wantsCandidate(subscription, entry)) continue;
      const timeMs = Math.max(entryTimestampMs(entry, nowMs) ?? 0, latestMs.get(slot) ?? 0);
      latestMs.set(slot, timeMs);
      matches.push({ seq, slot, timeMs });
    }
    return matches;
  }

  /** What is remembered, unless something of it is gone for which older matches may have to be found. */
  function recall(key: string, count: number): Remembered {
    const before = remembered.get(key);
    const nothing = { head: ring.base, matches: [], latestMs: new Map<number, number>(), size: 0 };
    if (before === undefined || before.head <= ring.base) return nothing;
    const matches = before.matches.filter(({ seq }) => seq >= ring.base && !ring.at(seq).isVoid);
    const isWhole = matches.length === before.matches.length || before.matches.length < count;
    return isWhole ? { ...before, matches } : nothing;
  }

  function remember(key: string, answer: Remembered): void {
    forget(key);
    remembered.set(key, answer);
    size += answer.size;
    for (const oldest of remembered.keys()) {
      if (size <= MAX_SIZE && remembered.size <= MAX_ANSWERS) break;
      forget(oldest);
    }
  }

  function forget(key: string): void {
    size -= remembered.get(key)?.size ?? 0;
    remembered.delete(key);
  }

  function newest(subscription: Subscription, count: number): readonly Match[] {
    const key = `${count} ${subscription.key}`;
    const { head, matches: older, latestMs } = recall(key, count);
    const matches = [...older, ...look(subscription, head, latestMs)]
      .sort((a, b) => a.timeMs - b.timeMs || a.seq - b.seq)
      .slice(-count);
    remember(key, { head: ring.head, matches, latestMs, size: matches.length + latestMs.size });
    return matches;
  }

  return {
    floorOf(subscription, count) {
      /** By slot, the first of them. */
      const firsts = new Map<number, number>();
      for (const { slot, seq } of newest(subscription, count))
        if (seq < (firsts.get(slot) ?? Number.POSITIVE_INFINITY)) firsts.set(slot, seq);
      let floor = ring.positions;
      for (const [slot, seq] of firsts)
        floor = floor.with(slot, ring.positionIn(ring.positionsAt(seq), slot));
      return floor;
    },
  };
}
