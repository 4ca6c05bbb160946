import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../../infra/local/repository';
import { REFERENCE_DOCS } from '../../../infra/reference-docs';
import { SETTINGS } from '../../../src/config';
import { OBSERVED_METRICS, PREFIX, READ_METRICS } from '../../../src/status/metrics';

const METRICS = Object.entries({ ...READ_METRICS, ...OBSERVED_METRICS });

function read(path: string): string {
  return readFileSync(join(repositoryRoot(), path), 'utf8');
}

it.each(Object.entries(REFERENCE_DOCS))('%s is what `npm run docs` writes', (path, write) => {
  expect(read(path)).toBe(write());
});

describe('docs/settings.md', () => {
  const document = read('docs/settings.md');

  it.each(Object.entries(SETTINGS))('has %s with its default and meaning', (name, schema) => {
    const row = document.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    expect(row).toBeDefined();
    expect(row).toContain(schema.description);
    const preset = schema.safeParse(undefined).data;
    if (typeof preset === 'number' || typeof preset === 'string') expect(row).toContain(`| ${preset} |`);
    if (typeof preset === 'boolean') expect(row).toContain(`| ${preset ? 'on' : 'off'} |`);
  });

  it('has no other setting, and none twice', () => {
    const named = [...document.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1]);
    expect(named.sort()).toEqual(Object.keys(SETTINGS).sort());
  });
});

describe('docs/metrics.md', () => {
  const document = read('docs/metrics.md');

  it.each(METRICS)('has %s with its type, labels and meaning', (name, { type, labels, help }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    expect(document).toContain(`| \`${PREFIX}${name}\` | ${type} | ${shown} | ${help} |\n`);
  });

  it('has no other metric', () => {
    const named = [...document.matchAll(new RegExp(`^\\| \`${PREFIX}(\\w+)\` \\|`, 'gm'))].map(
      ([, name]) => name,
    );
    expect(named.sort()).toEqual(METRICS.map(([name]) => name).sort());
  });
});
