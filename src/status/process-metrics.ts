import { collectDefaultMetrics, Registry } from 'prom-client';

/** Those that list every open handle, socket by socket, at each scrape: with thousands of streams that takes long. */
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
 * prom-client's own metrics of the process: CPU, memory, open files, garbage collection, delay of the event loop. They
 * belong to the process, which they last as long as, and not to a gateway in it.
 */
export function processMetrics(): Registry {
  if (registry !== null) return registry;
  registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of COSTLY) registry.removeSingleMetric(name);
  return registry;
}
