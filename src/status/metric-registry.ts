import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { PassReport } from '../hub/audience';
import { OBSERVED_METRICS, PREFIX, READ_METRICS, type ReadMetric } from './metrics';
import type { Snapshot, TakeSnapshot } from './snapshot';

export interface MetricRegistryDeps {
  readonly takeSnapshot: TakeSnapshot;
  /** Timestamp of the entry's record, in Unix milliseconds; null when it is implausible. */
  readonly timestampOf: (entry: PassReport['first'], nowMs: number) => number | null;
}

/** Renders the metrics for Prometheus, and takes the observations of the histograms. */
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
      // The producer's clock may be ahead of this gateway's.
      if (timestampMs !== null)
        observed.delivery_latency_seconds.observe(Math.max(0, nowMs - timestampMs) / MS_PER_S);
    },
    onIngest: (durationMs) => observed.ingest_duration_seconds.observe(durationMs / MS_PER_S),
    onProduced: (durationMs) => observed.kafka_produce_duration_seconds.observe(durationMs / MS_PER_S),
    onStreamClosed: (lifetimeMs) =>
      observed.stream_duration_seconds.observe(Math.max(0, lifetimeMs) / MS_PER_S),
  };
}

/** Returns a function that sets the metric from a snapshot. Nothing is kept between scrapes. */
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

interface BucketCounts {
  /** Cheap enough for the hot path: no label, no object, no lookup. */
  observe(value: number): void;
  /** In Prometheus' text format. */
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

/** They walk every open handle at each scrape: slow with thousands of sockets. */
const COSTLY = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
];

let registry: Registry | null = null;

/**
 * prom-client's metrics of the process: CPU, memory, open files, garbage collection, event loop lag. Created once per
 * process, however many gateways run in it (tests).
 */
function processMetrics(): Registry {
  if (registry !== null) return registry;
  registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of COSTLY) registry.removeSingleMetric(name);
  return registry;
}
