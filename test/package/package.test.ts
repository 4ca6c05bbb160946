import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { packageVersion } from '../../src/version';
import { type InstalledPackage, installPackage, PACKAGE_NAME } from '../support/installed-package';
import { spawnGateway } from '../support/process';
import { openStream } from '../support/sse-client';

const PACK_LIMIT_MS = 120_000;
const RUN_LIMIT_MS = 20_000;
/** Guards against what does not belong: pictures, maps, somebody's results. */
const MAX_ARCHIVE_BYTES = 400_000;
const MAX_FILE_BYTES = 65_536;

jest.setTimeout(60_000);

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

let installed: InstalledPackage;

beforeAll(() => {
  installed = installPackage();
}, PACK_LIMIT_MS);

function run(args: string[], env: Record<string, string> = {}): Ran {
  const { status, stdout, stderr } = spawnSync(
    join(installed.directory, 'node_modules/.bin', PACKAGE_NAME),
    args,
    {
      cwd: installed.directory,
      env: { ...process.env, ...env },
      encoding: 'utf8',
      timeout: RUN_LIMIT_MS,
    },
  );
  return { status, stdout, stderr };
}

describe('what is packed', () => {
  it('is the program, the client, the documents and what an operator copies', () => {
    expect(installed.files).toEqual(
      expect.arrayContaining([
        'dist/src/main.js',
        'dist/src/web/live.js',
        'dist/client/client/event-stream.js',
        'docs/resume.md',
        'infra/nginx/nginx.conf',
        'LICENSE',
      ]),
    );
    const expected =
      /^(dist\/(src|client)\/.+\.(js|d\.ts|json|html|css)|[A-Z-]+\.md|LICENSE|package\.json|\.env\.example|docs\/.+\.(md|svg|schema\.json)|examples\/.+\.mjs|infra\/(k8s|nginx|observability)\/.+)$/;
    expect(installed.files.filter((file) => !expected.test(file))).toEqual([]);
    expect(installed.files.filter((file) => /\.test\.|_test\.|(^|\/)test\//.test(file))).toEqual([]);
    expect(installed.bytes).toBeLessThan(MAX_ARCHIVE_BYTES);
    const large = installed.files.filter(
      (file) => statSync(join(installed.root, file)).size > MAX_FILE_BYTES,
    );
    expect(large).toEqual([]);
  });

  it('has no link to a file that is not there', () => {
    const broken = installed.files
      .filter((file) => file.endsWith('.md'))
      .flatMap((file) => brokenLinks(file, readFileSync(join(installed.root, file), 'utf8')));
    expect(broken).toEqual([]);
  });

  it('names no source map, since it has none', () => {
    const named = installed.files.filter(
      (file) =>
        file.endsWith('.js') &&
        readFileSync(join(installed.root, file), 'utf8').includes('sourceMappingURL='),
    );
    expect(named).toEqual([]);
  });
});

/** Links and pictures of a document to files that are not packed. */
function brokenLinks(document: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|href|srcset)="([^"]+)"/g)].map(
    ([, link, attribute]) => link ?? attribute!,
  );
  return links
    .filter((link) => !/^(https?:|#)/.test(link))
    .map((link) => normalize(join(dirname(document), link.replace(/#.*$/, ''))))
    .filter((path) => !installed.files.some((file) => file === path || file.startsWith(`${path}/`)))
    .map((path) => `${document}: ${path}`);
}

describe('the command', () => {
  it('tells its usage and its version', () => {
    expect(run(['--help'])).toEqual({
      status: 0,
      stdout: expect.stringContaining('Usage: kafka-sse-gateway'),
      stderr: '',
    });
    expect(run(['serve', '--help'])).toEqual(run(['--help']));
    expect(run(['--version'])).toEqual({ status: 0, stdout: `${packageVersion()}\n`, stderr: '' });
  });

  it.each([
    [['start'], 'unknown command start'],
    [['--port', '1'], 'unknown option --port: settings are environment variables'],
    [['serve', '--port=1'], 'unknown option --port=1: settings are environment variables'],
    [['tick', 'fast'], 'tick takes no arguments, but got fast'],
  ])('refuses %j and says why', (args, reason) => {
    const { status, stdout, stderr } = run(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^kafka-sse-gateway: ${reason}\\n\\nUsage: `));
  });

  it('serves with nothing but the packages it depends on, and ends at SIGTERM', async () => {
    const main = join(installed.root, 'dist/src/main.js');
    const gateway = await spawnGateway({ main, env: { EVENT_LOG: 'memory', TICK_MS: '0' } });
    const page = await fetch(gateway.url, { headers: { Accept: 'text/html' } });
    expect(await page.text()).toMatch(/^<!doctype html>/i);
    const stream = await openStream(`${gateway.url}/sse`);
    const answer = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: 'hello' });
    expect(answer.status).toBe(202);
    await stream.until(({ events }) => events.some(({ data }) => data === 'hello'));
    const second = run([], { HOST: '127.0.0.1', PORT: String(gateway.port) });
    expect([second.status, second.stderr]).toEqual([
      1,
      expect.stringContaining('choose another address with PORT'),
    ]);
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});
