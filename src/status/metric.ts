import type { Snapshot } from './snapshot';

/** One series of a metric at a scrape. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric that is read when it is asked for, so that counting costs the rooms no more than a plain number. */
export interface ReadMetric {
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly labels: readonly string[];
  /** Every series, those at zero too. */
  read(now: Snapshot): readonly Sample[];
}

/** A metric that is told of each observation. */
export interface ObservedMetric {
  readonly type: 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets: readonly number[];
}

export function gauge(help: string, read: ReadMetric['read'], labels: readonly string[] = []): ReadMetric {
  return { type: 'gauge', help, labels, read };
}

export function counter(help: string, read: ReadMetric['read'], labels: readonly string[] = []): ReadMetric {
  return { type: 'counter', help, labels, read };
}

export function histogram(help: string, buckets: readonly number[]): ObservedMetric {
  return { type: 'histogram', help, labels: [], buckets };
}

/** A metric without labels. */
export function one(value: number | boolean): readonly Sample[] {
  return [{ labels: {}, value: Number(value) }];
}

/** One series for each value of the label. */
export function by(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
