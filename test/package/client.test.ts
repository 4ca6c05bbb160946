import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../infra/local/repository';
import { startGateway } from '../support/gateway';
import { type InstalledPackage, installPackage, PACKAGE_NAME as NAME } from '../support/installed-package';

const PACK_LIMIT_MS = 120_000;
const RUN_LIMIT_MS = 20_000;
const NODE_TYPES = {
  lib: ['es2022'],
  types: ['node'],
  typeRoots: [join(repositoryRoot(), 'node_modules/@types')],
};

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

describe('the client library, installed', () => {
  let installed: InstalledPackage;

  beforeAll(() => {
    installed = installPackage();
  }, PACK_LIMIT_MS);

  async function node(...args: string[]): Promise<string> {
    const options = { cwd: installed.directory, timeout: RUN_LIMIT_MS };
    return (await promisify(execFile)(process.execPath, args, options)).stdout;
  }

  it('is imported by its name, reads a gateway, lets Node end, and reports what a callback throws', async () => {
    const { url } = await startGateway();
    for (const body of ['one', 'two']) await fetch(`${url}/broadcast`, { method: 'POST', body });
    const stdout = await node('--input-type=module', '--eval', READ_TWO, `${url}/sse?from=earliest`);
    expect(JSON.parse(stdout)).toEqual({ data: ['one', 'two'], thrown: ['one', 'two'] });
  });

  it('is imported by CommonJS too, and required where Node can require modules', async () => {
    const imported = `import('${NAME}/client').then(({ EventStream }) => console.log(EventStream.name))`;
    expect(await node('--input-type=commonjs', '--eval', imported)).toBe('EventStream\n');
    const canRequire = await node('--print', 'process.features.require_module === true');
    const required = node('--input-type=commonjs', '--print', `require('${NAME}/client').EventStream.name`);
    if (canRequire === 'true\n') expect(await required).toBe('EventStream\n');
    else await expect(required).rejects.toThrow('ERR_REQUIRE_ESM');
  });

  it.each([
    ['browsers', { lib: ['es2022', 'dom'], types: [] }, 'export const source: EventSource = stream;'],
    ['Node', NODE_TYPES, ''],
    ['node16 modules', { ...NODE_TYPES, module: 'node16', moduleResolution: 'node16' }, ''],
    ['bundlers', { ...NODE_TYPES, module: 'es2022', moduleResolution: 'bundler' }, ''],
  ])('has types for %s', (name, options, more) => {
    const project = join(installed.directory, `${name}.json`);
    const file = `${name}.mts`;
    writeFileSync(join(installed.directory, file), TYPED + more);
    const compilerOptions = { module: 'nodenext', target: 'es2022', strict: true, noEmit: true, ...options };
    writeFileSync(project, JSON.stringify({ compilerOptions, files: [file] }));
    const tsc = join(repositoryRoot(), 'node_modules/typescript/bin/tsc');
    const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', project], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });
});
