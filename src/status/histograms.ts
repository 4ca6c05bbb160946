import { entryTimestampMs } from '../events/record-entry';
import type { PassReport } from '../hub/audience';
import { OBSERVED_METRICS, PREFIX } from './metrics';

/** What is measured as it happens. Made before the parts that report to it. */
export interface Histograms {
  onPass(pass: PassReport): void;
  onIngest(durationMs: number): void;
  onProduced(durationMs: number): void;
  onStreamClosed(lifetimeMs: number): void;
  /** Each in Prometheus' text format. */
  render(): string[];
}

const MS_PER_S = 1_000;

export function createHistograms(): Histograms {
  const observed = Object.fromEntries(
    Object.entries(OBSERVED_METRICS).map(([name, { help, buckets }]) => [
      name,
      createBucketCounts(PREFIX + name, help, buckets),
    ]),
  ) as Record<keyof typeof OBSERVED_METRICS, BucketCounts>;
  return {
    onPass({ durationMs, events, first }) {
      observed.fanout_pass_duration_seconds.observe(durationMs / MS_PER_S);
      observed.fanout_pass_events.observe(events);
      if (first === null) return;
      const nowMs = Date.now();
      const timestampMs = entryTimestampMs(first, nowMs);
      // The producer's clock may be ahead of this gateway's.
      if (timestampMs !== null)
        observed.delivery_latency_seconds.observe(Math.max(0, nowMs - timestampMs) / MS_PER_S);
    },
    onIngest: (durationMs) => observed.ingest_duration_seconds.observe(durationMs / MS_PER_S),
    onProduced: (durationMs) => observed.kafka_produce_duration_seconds.observe(durationMs / MS_PER_S),
    onStreamClosed: (lifetimeMs) =>
      observed.stream_duration_seconds.observe(Math.max(0, lifetimeMs) / MS_PER_S),
    render: () => Object.values(observed).map((histogram) => histogram.render()),
  };
}

interface BucketCounts {
  /** Cheap enough for the hot path: no label, no object, no lookup. */
  observe(value: number): void;
  render(): string;
}

/**
 * A histogram without labels. Not prom-client's, whose `observe` is many times slower: a pass observes three values, and
 * where every stream has a different channel, a pass serves a single stream.
 * @param buckets inclusive upper bounds, ascending
 */
export function createBucketCounts(name: string, help: string, buckets: readonly number[]): BucketCounts {
  /** One per bucket, and the last one for values above all bounds. */
  const counts = new Array<number>(buckets.length + 1).fill(0);
  let sum = 0;
  return {
    observe(value) {
      let i = 0;
      while (i < buckets.length && value > buckets[i]!) i++;
      counts[i]!++;
      sum += value;
    },
    render() {
      const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`];
      let total = 0;
      for (const [i, count] of counts.entries()) {
        total += count;
        lines.push(`${name}_bucket{le="${buckets[i] ?? '+Inf'}"} ${total}`);
      }
      lines.push(`${name}_sum ${sum}`, `${name}_count ${total}`);
      return `${lines.join('\n')}\n`;
    },
  };
}
