/** What a number that should be one more than the last says about the events between. */
export interface Step {
  /** Numbers that were left out. */
  readonly lost: number;
  readonly isDuplicate: boolean;
}

export interface Sequence {
  next(value: number): Step;
}

/** Follows the numbers of one stream, over all its connections. */
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
