import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SupervisedChild, startChild } from '../../infra/local/supervised-child';
import { startGateway } from '../support/gateway';
import { type InstalledPackage, installPackage } from '../support/installed-package';
import { until } from '../support/until';

const PACK_LIMIT_MS = 120_000;
const STOP_LIMIT_MS = 10_000;

jest.setTimeout(60_000);

describe('examples/node-client.mjs', () => {
  let installed: InstalledPackage;
  let reader: SupervisedChild | null = null;

  beforeAll(() => {
    installed = installPackage();
  }, PACK_LIMIT_MS);

  afterEach(() => reader?.stop({ signal: 'SIGKILL', deadlineMs: STOP_LIMIT_MS }));

  it('goes on where it was after it was killed', async () => {
    const { url } = await startGateway({ TICK_MS: '0' });
    const idFile = join(installed.directory, 'last-id');
    const post = (body: string) => fetch(`${url}/broadcast`, { method: 'POST', body });
    const read = (from: string): string[] => {
      const lines: string[] = [];
      reader = startChild({
        name: 'reader',
        command: process.execPath,
        args: [join(installed.root, 'examples/node-client.mjs'), `${url}/sse?from=${from}`, idFile],
        onLine: (line) => lines.push(line),
      });
      return lines;
    };

    await post('one');
    const first = read('earliest');
    await until(() => first.length === 1 && existsSync(idFile), 'the first event and its id');
    const id = readFileSync(idFile, 'utf8');
    await reader!.stop({ signal: 'SIGKILL', deadlineMs: STOP_LIMIT_MS });
    await post('two');

    const second = read('latest');
    await until(
      () => second.length === 1 && readFileSync(idFile, 'utf8') !== id,
      'the second event and its id',
    );
    expect([first, second]).toEqual([['one'], ['two']]);
  });
});
