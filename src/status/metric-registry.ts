import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Histograms } from './histograms';
import { PREFIX, READ_METRICS, type ReadMetric } from './metrics';
import type { Snapshot, TakeSnapshot } from './snapshot';

export interface MetricRegistry {
  readonly contentType: string;
  render(): Promise<string>;
}

export function createMetricRegistry(
  takeSnapshot: TakeSnapshot,
  histograms: Pick<Histograms, 'render'>,
): MetricRegistry {
  const registry = new Registry();
  const ofProcess = processMetrics();
  const updates = Object.entries(READ_METRICS).map(([name, metric]) => createRead(registry, name, metric));

  return {
    contentType: registry.contentType,
    async render() {
      const now = await takeSnapshot();
      for (const update of updates) update(now);
      return [await registry.metrics(), ...histograms.render(), await ofProcess.metrics()].join('\n');
    },
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

/** prom-client's metrics of the process, created once however many gateways run in it (tests). */
function processMetrics(): Registry {
  if (registry !== null) return registry;
  registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of COSTLY) registry.removeSingleMetric(name);
  return registry;
}
