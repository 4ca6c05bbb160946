import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { repositoryRoot } from '../../../infra/local/repository';

const MAX_BYTES = 3 * 1024;

describe('the client library as shipped', () => {
  const out = mkdtempSync(join(tmpdir(), 'client-'));
  afterAll(() => rmSync(out, { recursive: true, force: true }));

  it('is 3 KB gzipped at most, all of its modules together', () => {
    execFileSync(process.execPath, [join(repositoryRoot(), 'infra/build-client.mjs'), out]);
    const modules = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.js'),
    );
    const bytes = modules.map((name) => gzipSync(readFileSync(join(out, name))).length);
    expect(modules).toContain('client/event-stream.js');
    expect(bytes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(MAX_BYTES);
  });
});
