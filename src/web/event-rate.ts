/** How many events came in each of the last seconds. */
export interface EventRate {
  add(nowMs: number): void;
  /** One count a second, oldest first, the second that runs now last. */
  counts(nowMs: number): number[];
}

export function createEventRate(seconds: number): EventRate {
  const counts = new Array<number>(seconds).fill(0);
  let lastSecond = Number.NEGATIVE_INFINITY;

  /** Empties the seconds that went by without an event. */
  function goOn(nowMs: number): number {
    const second = Math.floor(nowMs / 1_000);
    for (let gone = Math.max(lastSecond + 1, second - seconds + 1); gone <= second; gone++)
      counts[gone % seconds] = 0;
    lastSecond = Math.max(lastSecond, second);
    return lastSecond;
  }

  return {
    add(nowMs) {
      counts[goOn(nowMs) % seconds]!++;
    },
    counts(nowMs) {
      const second = goOn(nowMs);
      return counts.map((_, i) => counts[(second + 1 + i) % seconds]!);
    },
  };
}
