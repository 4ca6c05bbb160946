/** Events received in each of the last seconds. */
interface EventRate {
  add(nowMs: number): void;
  /** One count per second, oldest first, the current second last. */
  counts(nowMs: number): number[];
}

export function createEventRate(seconds: number): EventRate {
  const counts = new Array<number>(seconds).fill(0);
  let lastSecond = Number.NEGATIVE_INFINITY;

  /** Clears the seconds that passed without an event. */
  function advance(nowMs: number): number {
    const second = Math.floor(nowMs / 1_000);
    for (let gone = Math.max(lastSecond + 1, second - seconds + 1); gone <= second; gone++)
      counts[gone % seconds] = 0;
    lastSecond = Math.max(lastSecond, second);
    return lastSecond;
  }

  return {
    add(nowMs) {
      counts[advance(nowMs) % seconds]!++;
    },
    counts(nowMs) {
      const second = advance(nowMs);
      return counts.map((_, i) => counts[(second + 1 + i) % seconds]!);
    },
  };
}
