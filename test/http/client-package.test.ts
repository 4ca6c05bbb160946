import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../infra/local/repository';
import { clientDirectory } from '../support/client-page';
import { startGateway } from '../support/gateway';

const NAME = 'kafka-sse-gateway';
const PACK_LIMIT_MS = 120_000;
const RUN_LIMIT_MS = 20_000;

jest.setTimeout(30_000);

const READ_TWO = `
  import { EventStream } from '${NAME}/client';
  const thrown = [];
  process.on('uncaughtException', ({ message }) => thrown.push(message));
  const stream = new EventStream(process.argv[1], { onEvent: ({ data }) => { throw new Error(data); } });
  const data = [];
  for await (const event of stream) {
    data.push(event.data);
    if (data.length === 2) break;
  }
  console.log(JSON.stringify({ data, thrown }));
`;

/** Compiles only when what is shipped has the types that are promised. */
const TYPED = `
  import { EventStream, type EventStreamOptions, type StreamGap } from '${NAME}/client';
  const options: EventStreamOptions = { headers: async () => ({ a: 'b' }), onGap: (gap: StreamGap) => gap.lost + 1 };
  const stream = new EventStream(new URL('http://a/'), options);
  stream.addEventListener('error', ({ status, error }) => [status.toFixed(), error]);
  stream.onerror = ({ status }) => status.toFixed();
  stream.addEventListener('any', ({ data }) => data.length);
  // @ts-expect-error: it is a string.
  stream.addEventListener('any', ({ data }) => data.toFixed());
  // @ts-expect-error: no such option.
  new EventStream('http://a/', { retry: 1 });
  export async function first(): Promise<string> {
    for await (const { data } of stream) return data;
    return '';
  }
`;

describe('the package', () => {
  const root = repositoryRoot();
  const directory = mkdtempSync(join(tmpdir(), 'package-'));
  let files: string[] = [];

  beforeAll(() => {
    clientDirectory();
    const installed = join(directory, 'node_modules', NAME);
    mkdirSync(installed, { recursive: true });
    // Scripts: packing is no reason to build.
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
    const report = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8' })) as [
      { filename: string; files: { path: string }[] },
    ];
    files = report[0].files.map(({ path }) => path);
    execFileSync('tar', [
      'xzf',
      join(directory, report[0].filename),
      '-C',
      installed,
      '--strip-components=1',
    ]);
  }, PACK_LIMIT_MS);

  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('has the program, the client and the documents, and nothing else', () => {
    expect(files).toEqual(expect.arrayContaining(['dist/src/main.js', 'dist/client/client/event-stream.js']));
    const others = files.filter((path) => !/^dist\/(src|client)\//.test(path));
    expect(others.filter((path) => !/^[^/]+\.md$/.test(path)).sort()).toEqual([
      '.env.example',
      'LICENSE',
      'package.json',
    ]);
  });

  it('is imported by its name, reads a gateway, lets Node end, and reports what a callback throws', async () => {
    const { url } = await startGateway();
    for (const body of ['one', 'two']) await fetch(`${url}/broadcast`, { method: 'POST', body });
    const args = ['--input-type=module', '--eval', READ_TWO, `${url}/sse?from=earliest`];
    const { stdout } = await promisify(execFile)(process.execPath, args, {
      cwd: directory,
      timeout: RUN_LIMIT_MS,
    });
    expect(JSON.parse(stdout)).toEqual({ data: ['one', 'two'], thrown: ['one', 'two'] });
  });

  it.each([
    ['browsers', { lib: ['es2022', 'dom'], types: [] }, 'export const source: EventSource = stream;'],
    ['Node', { lib: ['es2022'], types: ['node'], typeRoots: [join(root, 'node_modules/@types')] }, ''],
  ])('has types for %s', (name, options, more) => {
    const project = join(directory, `${name}.json`);
    writeFileSync(join(directory, `${name}.mts`), TYPED + more);
    const compilerOptions = { module: 'nodenext', target: 'es2022', strict: true, noEmit: true, ...options };
    writeFileSync(project, JSON.stringify({ compilerOptions, files: [`${name}.mts`] }));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });
});
