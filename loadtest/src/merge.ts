import type { Metric, Metrics } from './summary.ts';

/**
 * Merges the metrics of several k6 processes. Counters and rates add up exactly. Percentiles do not: the worst is taken,
 * which the true one never exceeds; averages are weighted by count.
 */
export function mergeMetrics(all: readonly Metrics[]): Metrics {
  const names = new Set(all.flatMap((metrics) => Object.keys(metrics)));
  return Object.fromEntries(
    [...names].map((name) => [name, mergeMetric(all.flatMap((metrics) => metrics[name] ?? []))]),
  );
}

function mergeMetric(parts: readonly Metric[]): Metric {
  const [{ type } = { type: 'counter' }] = parts;
  const of = (name: string): number[] => parts.map(({ values }) => values[name] ?? 0);
  switch (type) {
    case 'counter':
      return { type, values: { count: sum(of('count')) } };
    case 'rate': {
      const passes = sum(of('passes'));
      const fails = sum(of('fails'));
      return { type, values: { passes, fails, rate: passes + fails === 0 ? 0 : passes / (passes + fails) } };
    }
    default:
      return { type, values: mergeTrend(parts) };
  }
}

function mergeTrend(parts: readonly Metric[]): Record<string, number> {
  // A trend without values has zeros, which would become the minimum.
  const filled = parts.filter(({ values }) => values.count !== 0);
  const count = sum(filled.map(({ values }) => values.count ?? 0));
  const merged: Record<string, number> = {};
  for (const name of Object.keys(filled[0]?.values ?? {})) {
    const values = filled.map((part) => part.values[name] ?? 0);
    merged[name] = name === 'min' ? Math.min(...values) : Math.max(...values);
  }
  merged.count = count;
  if (count > 0)
    merged.avg = sum(filled.map(({ values }) => (values.avg ?? 0) * (values.count ?? 0))) / count;
  return merged;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
