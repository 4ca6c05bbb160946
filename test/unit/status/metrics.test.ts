import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOG_OPERATIONS } from '../../../src/eventlog/records';
import { OpenStreams, RESUME_RESULTS } from '../../../src/sse/open-streams';
import { OBSERVED_METRICS, READ_METRICS } from '../../../src/status/metrics';
import { STREAM_PHASES } from '../../../src/status/snapshot';
import { packageVersion } from '../../../src/version';

const METRICS = Object.entries({ ...READ_METRICS, ...OBSERVED_METRICS });
/** https://prometheus.io/docs/practices/naming: what a metric of the kind may end in, and what it may not. */
const UNITS = ['seconds', 'bytes', 'records', 'events'];

describe('the metrics', () => {
  it.each(METRICS)('%s is named as Prometheus wants it', (name, { type, labels }) => {
    expect(name).toMatch(/^[a-z][a-z_]*[a-z]$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (type === 'histogram') expect(UNITS).toContain(name.split('_').at(-1));
    for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
  });

  it.each([
    ['streams_closed_total', Object.keys(new OpenStreams().stats().closed)],
    ['streams', STREAM_PHASES],
    ['replay_requests_total', RESUME_RESULTS],
    ['kafka_errors_total', LOG_OPERATIONS],
    ['kafka_throttled_seconds_total', LOG_OPERATIONS],
  ] as const)('%s explains each value of its label', (name, values) => {
    for (const value of values) expect(READ_METRICS[name].help).toContain(`\`${value}\``);
  });

  it('have ascending buckets', () => {
    for (const { buckets } of Object.values(OBSERVED_METRICS))
      expect([...buckets]).toEqual([...new Set(buckets)].sort((a, b) => a - b));
  });
});

describe('the version', () => {
  it('is that of package.json', () => {
    const text = readFileSync(join(__dirname, '../../../package.json'), 'utf8');
    expect(packageVersion()).toBe((JSON.parse(text) as { version: string }).version);
  });
});
