/** What a sequence number reveals, compared with the one before. */
export interface Step {
  /** Missing numbers. */
  readonly lost: number;
  readonly isDuplicate: boolean;
}

export interface Sequence {
  next(value: number): Step;
}

/** Tracks the sequence numbers of one stream over all its connections. */
export function createSequence(): Sequence {
  let last: number | null = null;
  return {
    next(value) {
      const step = {
        lost: last === null ? 0 : Math.max(0, value - last - 1),
        isDuplicate: last !== null && value <= last,
      };
      last = Math.max(last ?? value, value);
      return step;
    },
  };
}
