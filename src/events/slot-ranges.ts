/** Something about the offsets `from` ≤ offset < `next` of a slot. */
export interface SlotRange {
  readonly slot: number;
  readonly from: bigint;
  readonly next: bigint;
}

/** Finds ranges by slot and offset. They may overlap; no two of a slot begin at the same offset. */
export interface SlotRanges<T extends SlotRange> {
  /** Of those that begin at an offset or before it the last one; null when there is none. */
  atOrBefore(slot: number, offset: bigint): T | null;
  add(range: T): void;
  delete(range: T): void;
  clear(): void;
}

export function createSlotRanges<T extends SlotRange>(): SlotRanges<T> {
  /** Ascending by where they begin. */
  const bySlot = new Map<number, T[]>();

  return {
    atOrBefore(slot, offset) {
      const own = bySlot.get(slot);
      return own?.[countUpTo(own, offset) - 1] ?? null;
    },
    add(range) {
      const own = bySlot.get(range.slot);
      if (own === undefined) bySlot.set(range.slot, [range]);
      else own.splice(countUpTo(own, range.from), 0, range);
    },
    delete(range) {
      const own = bySlot.get(range.slot)!;
      own.splice(countUpTo(own, range.from) - 1, 1);
      if (own.length === 0) bySlot.delete(range.slot);
    },
    clear: () => bySlot.clear(),
  };
}

/** How many begin at an offset or before it. */
function countUpTo(own: readonly SlotRange[], offset: bigint): number {
  let low = 0;
  let high = own.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (own[middle]!.from <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
