/** Counts the ticks that Kafka did not store, from the ticker's log lines: they are not lost events. */
export interface UnstoredTicks {
  /** A log line of the ticker. */
  hear(line: string): void;
  /** Ticks that were due so far and are not stored. */
  count(): number;
}

export function createUnstoredTicks(tickMs: number, now: () => number = Date.now): UnstoredTicks {
  let over = 0;
  let sinceMs: number | null = null;
  return {
    hear(line) {
      const { msg, missed } = fieldsOf(line);
      if (msg === 'Ticker append failed') sinceMs ??= now();
      if (msg !== 'Ticker append recovered') return;
      over += Number(missed);
      sinceMs = null;
    },
    count: () => over + (sinceMs === null ? 0 : Math.ceil((now() - sinceMs) / tickMs)),
  };
}

function fieldsOf(line: string): { readonly msg?: unknown; readonly missed?: unknown } {
  try {
    return (JSON.parse(line) as object | null) ?? {};
  } catch {
    // Not every line is a log line.
    return {};
  }
}
