import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectionsWithin, openFileLimit } from '../../../src/http/open-file-limit';

describe('openFileLimit', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'limits-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function limitIn(text: string): number | null {
    const file = join(directory, 'limits');
    writeFileSync(file, text);
    return openFileLimit(file);
  }

  it('is the soft limit that the system tells', () => {
    expect(
      limitIn(
        'Limit                     Soft Limit           Hard Limit           Units     \n' +
          'Max processes             63704                63704                processes \n' +
          'Max open files            1024                 20000                files     \n',
      ),
    ).toBe(1_024);
  });

  it('is null when there is none, or nothing that tells', () => {
    expect(
      limitIn('Max open files            unlimited            unlimited            files     \n'),
    ).toBeNull();
    expect(openFileLimit(join(directory, 'none'))).toBeNull();
  });

  it('is told on this machine, if it is a Linux', () => {
    const limit = openFileLimit();
    if (process.platform === 'linux') expect(limit).toBeGreaterThan(0);
    else expect(limit).toBeNull();
  });
});

describe('connectionsWithin', () => {
  it.each([
    [null, 18_500, 200, 18_500],
    [20_000, 18_500, 200, 18_500],
    [4_096, 18_500, 200, 3_896],
    [100, 18_500, 200, 1],
  ])(
    'a limit of %s files: %s wanted with %s reserved makes %s',
    (limit, maxConnections, reservedFiles, made) =>
      expect(connectionsWithin(limit, { maxConnections, reservedFiles })).toBe(made),
  );
});
