import { isUtf8 } from 'node:buffer';
import { StringDecoder } from 'node:string_decoder';
import type { LogRecord, TopicPartition } from '../eventlog/event-log';
import { isOddTimestamp } from '../eventlog/records';

/** Sum, minimum and maximum over events. Times are the records' timestamps in Unix milliseconds. */
export interface AggregationStats {
  readonly totalEvents: number;
  readonly sumOfValues: number;
  /** Null without events, like the members below. */
  readonly minValue: number | null;
  readonly maxValue: number | null;
  /** The earliest and the latest plausible timestamp, which need not be those of the first and last offset. */
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

/** `stats` with one more event. @param nowMs to tell implausible timestamps */
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

/** Undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Events may be any text.
    return undefined;
  }
}

/** The value of an event: `payload.times`, else a top-level `value`, else 0. */
export function numberOf(data: unknown): number {
  return finite(member(member(data, 'payload'), 'times')) ?? finite(member(data, 'value')) ?? 0;
}

function member(object: unknown, name: string): unknown {
  return typeof object === 'object' && object !== null && Object.hasOwn(object, name)
    ? (object as Record<string, unknown>)[name]
    : undefined;
}

/** `JSON.parse` reads a number such as 1e999 as infinity. */
function finite(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** The JSON value of a summary record. Times are Unix milliseconds. */
export interface AggregationSummary {
  /** `<topic>.<partition>.<first offset>`; a later summary with the same id replaces the earlier one. */
  readonly id: string;
  readonly timestamp: number;
  readonly aggregationPeriod: {
    readonly start: number | null;
    readonly end: number | null;
    readonly durationMs: number;
  };
  readonly statistics: {
    readonly totalEvents: number;
    readonly sumOfValues: number;
    /** Null without events. */
    readonly averageValue: number | null;
    readonly minValue: number | null;
    readonly maxValue: number | null;
  };
  /** Data of the last events: JSON as such, other text as a string, binary as base64, a long one cut and ended with `…`. */
  readonly eventSample: readonly unknown[];
}

export type AggregatedRecord = Pick<LogRecord, 'offset' | 'timestampMs' | 'value'>;

const SAMPLE_EVENTS = 5;

/** Aggregates consecutive records of one partition. Keeps numbers and a small sample, not the records. */
export class AggregationWindow {
  readonly topic: string;
  readonly partition: number;
  /** Offset of its first record. Reading again from there gives a window with the same id. */
  readonly firstOffset: bigint;
  readonly #sampleBytes: number;
  readonly #sample: unknown[] = [];
  #next: bigint;
  #stats = NO_EVENTS;

  /** @param sampleBytes most bytes of one event in the sample */
  constructor({ topic, partition }: TopicPartition, firstOffset: bigint, sampleBytes: number) {
    this.topic = topic;
    this.partition = partition;
    this.firstOffset = firstOffset;
    this.#next = firstOffset;
    this.#sampleBytes = sampleBytes;
  }

  get id(): string {
    return `${this.topic}.${this.partition}.${this.firstOffset}`;
  }

  get next(): bigint {
    return this.#next;
  }

  get stats(): AggregationStats {
    return this.#stats;
  }

  add({ offset, timestampMs, value }: AggregatedRecord): void {
    const text = value === null || !isUtf8(value) ? null : value.toString();
    const data = text === null ? undefined : parseJson(text);
    this.#stats = withEvent(this.#stats, numberOf(data), timestampMs, Date.now());
    this.#sample.push(sampleOf(value, text, data, this.#sampleBytes));
    if (this.#sample.length > SAMPLE_EVENTS) this.#sample.shift();
    this.#next = offset + 1n;
  }

  summary(nowMs: number): AggregationSummary {
    const { totalEvents, sumOfValues, minValue, maxValue, firstEventTime, lastEventTime } = this.#stats;
    return {
      id: this.id,
      timestamp: nowMs,
      aggregationPeriod: {
        start: firstEventTime,
        end: lastEventTime,
        durationMs: (lastEventTime ?? 0) - (firstEventTime ?? 0),
      },
      statistics: {
        totalEvents,
        sumOfValues,
        averageValue: totalEvents === 0 ? null : sumOfValues / totalEvents,
        minValue,
        maxValue,
      },
      eventSample: [...this.#sample],
    };
  }
}

/** Bounded, so that a summary of large events is not too large for Kafka. */
function sampleOf(value: Buffer | null, text: string | null, data: unknown, maxBytes: number): unknown {
  if (value === null) return null;
  if (value.length <= maxBytes) return data !== undefined ? data : (text ?? value.toString('base64'));
  const start = value.subarray(0, maxBytes);
  // StringDecoder drops a character that the cut splits.
  return `${text === null ? start.toString('base64') : new StringDecoder().write(start)}…`;
}
