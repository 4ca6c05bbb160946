import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Registry, startRegistry } from '../../infra/local/registry';
import { repositoryRoot } from '../../infra/local/repository';
import { parseConfig } from '../../src/config';
import type { Decoded } from '../../src/values/decoded';
import { compileSchema, createFramedDecoder } from '../../src/values/framed-values';
import { jsonText } from '../../src/values/json-text';
import { createSchemaRegistry } from '../../src/values/schema-registry';
import { installPython } from '../support/client-libraries';
import { createQuietLogger } from '../support/quiet-logger';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;

/** One value that Confluent's serializer wrote, and what Confluent's deserializer makes of it. */
interface Written {
  readonly name: string;
  /** Base64. */
  readonly bytes: string;
  readonly shown: unknown;
}

let registry: Registry;
let written: readonly Written[];

beforeAll(async () => {
  const print = (line: string) => void process.stderr.write(`${line}\n`);
  const [python, started] = await Promise.all([
    installPython(print, 'serializers'),
    startRegistry({ log: print }),
  ]);
  registry = started;
  const program = spawn(
    join(python, 'bin/python'),
    ['-B', join(repositoryRoot(), 'test/clients/serializers/serialize.py'), registry.url],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  written = (await text(program.stdout))
    .trim()
    .split('\n')
    .map((line) => withAllDigits(line));
}, START_LIMIT_MS);

afterAll(() => registry.close());

/** Integers beyond 2^53 as text, on both sides. */
function withAllDigits(line: string): Written {
  return JSON.parse(line.replace(/(?<=[:,[ ])-?\d{16,}(?=[,\]}])/g, '"$&"')) as Written;
}

describe('what Confluent’s serializers wrote with a real registry', () => {
  it('is what their own deserializers say, and undecodable where the registry has no schema', async () => {
    const { values } = parseConfig({ SCHEMA_REGISTRY_URL: registry.url });
    const schemas = createSchemaRegistry({
      config: values.registry!,
      compile: compileSchema,
      logger: createQuietLogger(),
    });
    const decoder = createFramedDecoder(schemas, { int64: 'number', ...values.limits });
    const decoded = async (bytes: Buffer) => {
      let found: Decoded = decoder.decode(bytes);
      await until(() => {
        found = decoder.decode(bytes);
        return found.kind !== 'waiting';
      }, 'the schema is there');
      return found;
    };
    expect(written).toHaveLength(43);
    for (const { name, bytes, shown } of written) {
      const found = await decoded(Buffer.from(bytes, 'base64'));
      if (found.kind !== 'value') throw new Error(`${name}: ${JSON.stringify(found)}`);
      const { shown: ours } = withAllDigits(`{"shown":${jsonText(found.value)}}`);
      expect({ name, shown: ours }).toEqual({ name, shown });
    }
    expect(await decoded(Buffer.from([0, 0, 0, 0xff, 0xff, 2, 0x61]))).toMatchObject({
      reason: 'unknown-schema',
      schemaId: 0xffff,
    });
    schemas.close();
  });
});
