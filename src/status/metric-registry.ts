import { Counter, Gauge, Registry } from 'prom-client';
import type { PassReport } from '../hub/audience';
import { type BucketCounts, createBucketCounts } from './bucket-counts';
import type { ReadMetric } from './metric';
import { OBSERVED_METRICS, PREFIX, READ_METRICS } from './metrics';
import { processMetrics } from './process-metrics';
import type { Snapshot, TakeSnapshot } from './snapshot';

export interface MetricRegistryDeps {
  /** What the rooms say now. */
  readonly takeSnapshot: TakeSnapshot;
  /** When the record that the entry holds was created, in Unix milliseconds; null when that is not known. */
  readonly timestampOf: (entry: PassReport['first'], nowMs: number) => number | null;
}

/** The metrics as Prometheus reads them, and the ear for what has to be told as it happens. */
export interface MetricRegistry {
  readonly contentType: string;
  /** The text of one scrape. */
  render(): Promise<string>;
  onPass(pass: PassReport): void;
  onIngest(durationMs: number): void;
  onProduced(durationMs: number): void;
  onStreamClosed(lifetimeMs: number): void;
}

const MS_PER_S = 1_000;

export function createMetricRegistry({ takeSnapshot, timestampOf }: MetricRegistryDeps): MetricRegistry {
  const registry = new Registry();
  const ofProcess = processMetrics();
  const updates = Object.entries(READ_METRICS).map(([name, metric]) => createRead(registry, name, metric));
  const observed = Object.fromEntries(
    Object.entries(OBSERVED_METRICS).map(([name, { help, buckets }]) => [
      name,
      createBucketCounts(PREFIX + name, help, buckets),
    ]),
  ) as Record<keyof typeof OBSERVED_METRICS, BucketCounts>;

  return {
    contentType: registry.contentType,
    async render() {
      const now = await takeSnapshot();
      for (const update of updates) update(now);
      const histograms = Object.values(observed).map((histogram) => histogram.render());
      return [await registry.metrics(), ...histograms, await ofProcess.metrics()].join('\n');
    },
    onPass({ durationMs, events, first }) {
      observed.fanout_batch_duration_seconds.observe(durationMs / MS_PER_S);
      observed.fanout_batch_events.observe(events);
      const nowMs = Date.now();
      const timestampMs = timestampOf(first, nowMs);
      // The producer's clock may be ahead of this one.
      if (timestampMs !== null)
        observed.delivery_latency_seconds.observe(Math.max(0, nowMs - timestampMs) / MS_PER_S);
    },
    onIngest: (durationMs) => observed.ingest_duration_seconds.observe(durationMs / MS_PER_S),
    onProduced: (durationMs) => observed.kafka_produce_duration_seconds.observe(durationMs / MS_PER_S),
    onStreamClosed: (lifetimeMs) =>
      observed.stream_duration_seconds.observe(Math.max(0, lifetimeMs) / MS_PER_S),
  };
}

/** Answers what brings the metric up to date. Nothing of it is kept from one scrape to the next. */
function createRead(registry: Registry, name: string, metric: ReadMetric): (now: Snapshot) => void {
  const { help, labels, read } = metric;
  const options = { name: PREFIX + name, help, labelNames: [...labels], registers: [registry] };
  if (metric.type === 'gauge') {
    const gauge = new Gauge(options);
    return (now) => {
      gauge.reset();
      for (const sample of read(now)) gauge.set({ ...sample.labels }, sample.value);
    };
  }
  const counter = new Counter(options);
  return (now) => {
    counter.reset();
    for (const sample of read(now)) counter.inc({ ...sample.labels }, sample.value);
  };
}
