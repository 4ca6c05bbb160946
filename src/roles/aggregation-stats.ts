import { isOddTimestamp } from '../eventlog/odd-timestamp';

/** Sums and bounds over some events. Times are Unix milliseconds of the records, not of their arrival. */
export interface AggregationStats {
  readonly totalEvents: number;
  readonly sumOfValues: number;
  /** Null while there are no events, as are the others that can be. */
  readonly minValue: number | null;
  readonly maxValue: number | null;
  /** The earliest and the latest time, odd ones aside: producers' clocks need not agree with the order of the log. */
  readonly firstEventTime: number | null;
  readonly lastEventTime: number | null;
}

export const NO_EVENTS: AggregationStats = Object.freeze({
  totalEvents: 0,
  sumOfValues: 0,
  minValue: null,
  maxValue: null,
  firstEventTime: null,
  lastEventTime: null,
});

/** The same with one event more, which is counted at `nowMs`. */
export function withEvent(
  stats: AggregationStats,
  value: number,
  timestampMs: number,
  nowMs: number,
): AggregationStats {
  const { totalEvents, sumOfValues, minValue, maxValue, firstEventTime, lastEventTime } = stats;
  const isOdd = isOddTimestamp(timestampMs, nowMs);
  return {
    totalEvents: totalEvents + 1,
    sumOfValues: sumOfValues + value,
    minValue: Math.min(minValue ?? value, value),
    maxValue: Math.max(maxValue ?? value, value),
    firstEventTime: isOdd ? firstEventTime : Math.min(firstEventTime ?? timestampMs, timestampMs),
    lastEventTime: isOdd ? lastEventTime : Math.max(lastEventTime ?? timestampMs, timestampMs),
  };
}

/** What the text is as JSON; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Events may be any text.
    return undefined;
  }
}

/** The number that an event stands for: `payload.times`, else a top-level `value`, else 0. */
export function numberOf(data: unknown): number {
  return finite(member(member(data, 'payload'), 'times')) ?? finite(member(data, 'value')) ?? 0;
}

function member(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null && Object.hasOwn(object, name)
    ? (object as Record<string, unknown>)[name]
    : undefined;
}

/** JSON has no infinity, but a number as 1e999 is read as one. */
function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
