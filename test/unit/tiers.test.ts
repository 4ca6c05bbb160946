import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TIERS } from '../tiers';

describe('the tiers', () => {
  const files = readdirSync(join(__dirname, '..'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.test.ts'),
  );

  it.each(files)('%s belongs to exactly one', (file) => {
    const tiers = TIERS.filter(
      ({ jest }) =>
        jest !== undefined &&
        file.startsWith(`${jest.project}/`) &&
        (jest.files === undefined || file.includes(jest.files)),
    );
    expect(tiers.map(({ name }) => name)).toHaveLength(1);
  });
});
