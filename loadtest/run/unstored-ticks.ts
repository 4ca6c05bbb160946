/** What the ticker of our own stack tells of ticks that Kafka did not take: nobody can have lost what was never stored. */
export interface UnstoredTicks {
  /** A line of the ticker's log. */
  hear(line: string): void;
  /** Ticks that were due until now and are not stored. */
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
    // Not every line of a process is a log line.
    return {};
  }
}
