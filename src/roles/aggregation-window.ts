import { isUtf8 } from 'node:buffer';
import { StringDecoder } from 'node:string_decoder';
import type { TopicPartition } from '../eventlog/event-log';
import { type AggregationStats, NO_EVENTS, numberOf, parseJson, withEvent } from './aggregation-stats';

/** What a summary record holds, as JSON. Times are Unix milliseconds. */
export interface AggregationSummary {
  /** `<topic>.<partition>.<first offset>`; a later summary with the same id replaces the earlier one. */
  readonly id: string;
  /** When the window was closed. */
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

export interface AggregatedRecord {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly value: Buffer | null;
}

const SAMPLE_EVENTS = 5;

/** Some records in a row of one partition, aggregated. Keeps numbers and a small sample, not the records. */
export class AggregationWindow {
  readonly topic: string;
  readonly partition: number;
  /** Where it begins. Reading again from here gives a window with the same id. */
  readonly firstOffset: bigint;
  readonly #sampleBytes: number;
  readonly #sample: unknown[] = [];
  #next: bigint;
  #stats = NO_EVENTS;

  /** @param sampleBytes how much of one event is kept as a sample */
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

  /** Position after its last record. */
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

/** Bounded, so that a summary of large events is still a record that the log takes. */
function sampleOf(value: Buffer | null, text: string | null, data: unknown, maxBytes: number): unknown {
  if (value === null) return null;
  if (value.length <= maxBytes) return data !== undefined ? data : (text ?? value.toString('base64'));
  const start = value.subarray(0, maxBytes);
  // Leaves out a character that the cut would split.
  return `${text === null ? start.toString('base64') : new StringDecoder().write(start)}…`;
}
