import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { goVersion } from '../../../infra/local/go';
import { K6_VERSION } from '../../../infra/local/k6';
import { repositoryRoot } from '../../../infra/local/repository';

describe('the k6 that is built', () => {
  it.each([
    ['go1.26.8\n', { major: 1, minor: 26 }],
    ['go1.25rc1', { major: 1, minor: 25 }],
    ['devel go1.27-abcdef', null],
    ['', null],
  ])('reads the version of %j', (output, version) => {
    expect(goVersion(output)).toEqual(version);
  });

  it('is the one of go.mod', () => {
    const mod = readFileSync(join(repositoryRoot(), 'loadtest/k6/go.mod'), 'utf8');
    expect(mod).toContain(`go.k6.io/k6 ${K6_VERSION}\n`);
    expect(mod).toContain('\ngo 1.25.0\n');
    for (const other of ['infra/k8s/check', 'test/clients/go'])
      expect(readFileSync(join(repositoryRoot(), other, 'go.mod'), 'utf8')).toContain('\ngo 1.25.0\n');
  });
});
