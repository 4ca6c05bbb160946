import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OBSERVED_METRICS, PREFIX, READ_METRICS } from '../../../src/status/metrics';
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

  it('have buckets that grow', () => {
    for (const { buckets } of Object.values(OBSERVED_METRICS))
      expect([...buckets]).toEqual([...new Set(buckets)].sort((a, b) => a - b));
  });
});

describe('README', () => {
  const readme = readFileSync(join(__dirname, '../../../README.md'), 'utf8');

  it.each(METRICS)('has %s with its type, labels and meaning', (name, { type, labels, help }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    expect(readme).toContain(`| \`${PREFIX}${name}\` | ${type} | ${shown} | ${help} |\n`);
  });

  it('has no other metric', () => {
    const named = [...readme.matchAll(new RegExp(`^\\| \`${PREFIX}(\\w+)\` \\|`, 'gm'))].map(
      ([, name]) => name,
    );
    expect(named.sort()).toEqual(METRICS.map(([name]) => name).sort());
  });
});

describe('the version', () => {
  it('is that of package.json', () => {
    const text = readFileSync(join(__dirname, '../../../package.json'), 'utf8');
    expect(packageVersion()).toBe((JSON.parse(text) as { version: string }).version);
  });
});
