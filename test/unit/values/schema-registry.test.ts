import type { ServerResponse } from 'node:http';
import { parseConfig } from '../../../src/config';
import type { Decoded, ValueDecoder } from '../../../src/values/decoded';
import { compileSchema, createFramedDecoder } from '../../../src/values/framed-values';
import { createSchemaRegistry, type SchemaRegistry } from '../../../src/values/schema-registry';
import { type Answer, startFarSide } from '../../support/far-side';
import { createQuietLogger } from '../../support/quiet-logger';
import { until } from '../../support/until';

const ID = 7;
/** The string "a" in a frame. */
const FRAMED = Buffer.from([0, 0, 0, 0, ID, 2, 0x61]);

const open: SchemaRegistry[] = [];
afterEach(() => {
  for (const registry of open.splice(0)) registry.close();
});

function json(
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

const schema = (res: ServerResponse, text = '"string"', more = {}) =>
  json(res, 200, { schema: text, ...more });
const unknown = (res: ServerResponse) => json(res, 404, { error_code: 40403, message: 'Schema not found' });

interface Asked {
  readonly registry: SchemaRegistry;
  readonly decoder: ValueDecoder;
  /** Decodes again and again, as a waiting partition does, until it is no longer waiting. */
  settled(bytes?: Buffer): Promise<Decoded>;
}

function ask(urls: readonly string[], env: Record<string, string> = {}): Asked {
  const { values } = parseConfig({
    SCHEMA_REGISTRY_URL: urls.join(','),
    SCHEMA_REGISTRY_RETRY_MIN_MS: '1',
    SCHEMA_REGISTRY_RETRY_MAX_MS: '2',
    ...env,
  });
  const registry = createSchemaRegistry({
    config: values.registry!,
    compile: compileSchema,
    logger: createQuietLogger(),
  });
  open.push(registry);
  const decoder = createFramedDecoder(registry, { int64: 'number', ...values.limits });
  return {
    registry,
    decoder,
    async settled(bytes = FRAMED) {
      let found: Decoded = decoder.decode(bytes);
      await until(() => {
        found = decoder.decode(bytes);
        return found.kind !== 'waiting';
      }, 'the value is decoded');
      return found;
    },
  };
}

describe('the schema registry', () => {
  it('is asked once for a schema, however many records need it at once', async () => {
    const far = await startFarSide((res) => schema(res));
    const { decoder, registry, settled } = ask([far.url]);
    const first = decoder.decode(FRAMED);
    expect(first).toMatchObject({ kind: 'waiting', schemaId: ID, detail: null });
    expect(decoder.decode(FRAMED).kind).toBe('waiting');
    if (first.kind === 'waiting') await first.until;
    expect(decoder.decode(FRAMED)).toEqual({ kind: 'value', value: 'a' });
    await settled();
    expect(far.requests.map(({ url }) => url)).toEqual(['/schemas/ids/7']);
    expect(registry.status()).toMatchObject({ state: 'ok', detail: null, schemas: 1 });
  });

  it('is not asked for what is not framed', async () => {
    const { decoder } = ask(['http://127.0.0.1:1']);
    for (const bytes of [Buffer.alloc(0), Buffer.from([0, 0, 0, 7]), Buffer.from([1, 0, 0, 0, 7, 2, 0x61])])
      expect(decoder.decode(bytes)).toEqual({ kind: 'undecodable', reason: 'not-framed', schemaId: null });
  });

  it('says of bytes after a value that they are malformed', async () => {
    const far = await startFarSide((res) => schema(res));
    const { settled } = ask([far.url]);
    expect(await settled(Buffer.concat([FRAMED, Buffer.from([0])]))).toEqual({
      kind: 'undecodable',
      reason: 'malformed',
      schemaId: ID,
    });
  });

  it('says of an id that it does not know that it is unknown, until it has been asked again', async () => {
    let isKnown = false;
    const far = await startFarSide((res) => (isKnown ? schema(res) : unknown(res)));
    const { settled, registry } = ask([far.url], { SCHEMA_REGISTRY_UNKNOWN_MS: '200' });
    expect(await settled()).toEqual({ kind: 'undecodable', reason: 'unknown-schema', schemaId: ID });
    await settled();
    expect(far.requests).toHaveLength(1);
    expect(registry.status()).toMatchObject({ state: 'ok', requests: { unknown: 1 } });
    isKnown = true;
    let found: Decoded | null = null;
    for (; found?.kind !== 'value'; found = await settled());
    expect(found).toEqual({ kind: 'value', value: 'a' });
    expect(far.requests).toHaveLength(2);
  });

  it.each<[string, Answer, string, string]>([
    ['500', (res) => json(res, 500, {}), 'interrupted', 'answers 500'],
    ['429', (res) => json(res, 429, {}, { 'retry-after': '0' }), 'interrupted', 'answers 429'],
    ['401', (res) => json(res, 401, { error_code: 401 }), 'forbidden', 'SCHEMA_REGISTRY_USERNAME'],
    ['403', (res) => json(res, 403, { error_code: 403 }), 'forbidden', 'SCHEMA_REGISTRY_USERNAME'],
    [
      'a 404 of something else',
      (res) => json(res, 404, { error_code: 404 }),
      'interrupted',
      'check the path',
    ],
    [
      'a redirect',
      (res) => void res.writeHead(302, { location: '/' }).end(),
      'interrupted',
      'check the path',
    ],
    ['a page', (res) => void res.end('<html>'), 'interrupted', 'other than JSON'],
    ['no schema', (res) => json(res, 200, {}), 'interrupted', 'without a schema'],
    ['silence', () => undefined, 'interrupted', 'no answer in 60 ms'],
    ['a closed connection', (res) => void res.destroy(), 'interrupted', 'cannot be asked'],
    ['too much', (res) => schema(res, 'x'.repeat(5_000)), 'interrupted', 'more than 2000 bytes'],
  ])('is waited for while it answers with %s', async (_, answer, state, detail) => {
    let isWell = false;
    const far = await startFarSide((res, req, turn) => (isWell ? schema(res) : answer(res, req, turn)));
    const { decoder, registry, settled } = ask([far.url], {
      SCHEMA_REGISTRY_TIMEOUT_MS: '60',
      SCHEMA_REGISTRY_MAX_SCHEMA_BYTES: '2000',
    });
    await until(() => {
      const found = decoder.decode(FRAMED);
      expect(found.kind).toBe('waiting');
      return far.requests.length > 2;
    }, 'it is asked again');
    expect(registry.status()).toMatchObject({ state, detail: expect.stringContaining(detail) });
    expect(decoder.decode(FRAMED)).toMatchObject({
      kind: 'waiting',
      detail: expect.stringContaining(detail),
    });
    isWell = true;
    expect(await settled()).toEqual({ kind: 'value', value: 'a' });
    expect(registry.status()).toMatchObject({ state: 'ok', detail: null });
  });

  it('is waited for when no one listens', async () => {
    const { decoder, registry } = ask(['http://127.0.0.1:1']);
    await until(
      () => decoder.decode(FRAMED).kind === 'waiting' && registry.status().detail !== null,
      'failed',
    );
    expect(registry.status()).toMatchObject({
      state: 'interrupted',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('is not asked again before its pause is over', async () => {
    const far = await startFarSide((res) => json(res, 503, {}));
    const { decoder, registry } = ask([far.url], {
      SCHEMA_REGISTRY_RETRY_MIN_MS: '60000',
      SCHEMA_REGISTRY_RETRY_MAX_MS: '60000',
    });
    decoder.decode(FRAMED);
    await until(() => registry.status().state === 'interrupted', 'it has failed');
    for (let id = 0; id < 50; id++) {
      const found = decoder.decode(Buffer.from([0, 0, 0, 0, id, 2, 0x61]));
      if (found.kind === 'waiting') await found.until;
    }
    expect(far.requests).toHaveLength(1);
  });

  it('is each of several URLs in turn', async () => {
    const far = await startFarSide((res) => schema(res));
    const { settled } = ask(['http://127.0.0.1:1', far.url]);
    expect(await settled()).toEqual({ kind: 'value', value: 'a' });
  });

  it('gets the credentials, and the path of its URL', async () => {
    const far = await startFarSide((res) => schema(res));
    await ask([`${far.url}apis/ccompat/v7/`], {
      SCHEMA_REGISTRY_USERNAME: 'me',
      SCHEMA_REGISTRY_PASSWORD: 'a:b',
    }).settled();
    await ask([far.url], { SCHEMA_REGISTRY_TOKEN: 'token' }).settled();
    expect(far.requests[0]!.url).toBe('/apis/ccompat/v7/schemas/ids/7');
    expect(far.requests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${Buffer.from('me:a:b').toString('base64')}`,
      'Bearer token',
    ]);
  });

  it('is asked for what a schema refers to, innermost first', async () => {
    const order = '{"type":"record","name":"Order","fields":[{"name":"to","type":"Address"}]}';
    const address = '{"type":"record","name":"Address","fields":[{"name":"city","type":"City"}]}';
    const city = '{"type":"record","name":"City","fields":[{"name":"name","type":"string"}]}';
    const far = await startFarSide((res, { url }) => {
      if (url === '/schemas/ids/7')
        schema(res, order, { references: [{ name: 'Address', subject: 'a/b', version: 2 }] });
      else if (url === '/subjects/a%2Fb/versions/2')
        schema(res, address, { references: [{ name: 'City', subject: 'city', version: 1 }] });
      else schema(res, city);
    });
    expect(await ask([far.url]).settled()).toEqual({ kind: 'value', value: { to: { city: { name: 'a' } } } });
  });

  it.each([
    ['cannot be read', { schema: '{"type":"record"}' }],
    ['is of a type that is not supported', { schema: '{}', schemaType: 'OTHER' }],
    ['has references without a version', { schema: '"string"', references: [{ name: 'a', subject: 'b' }] }],
  ])('says of a schema that %s that it is bad, and goes on', async (_, body) => {
    const far = await startFarSide((res, { url }) =>
      url === '/schemas/ids/7' ? json(res, 200, body) : schema(res),
    );
    const { settled, registry } = ask([far.url]);
    expect(await settled()).toEqual({ kind: 'undecodable', reason: 'bad-schema', schemaId: ID });
    expect(await settled(Buffer.from([0, 0, 0, 0, 8, 2, 0x61]))).toEqual({ kind: 'value', value: 'a' });
    expect(registry.status().state).toBe('ok');
  });

  it('does not follow references for ever', async () => {
    const far = await startFarSide((res, _, turn) =>
      schema(res, '"string"', { references: [{ name: `n${turn}`, subject: `s${turn}`, version: 1 }] }),
    );
    expect(await ask([far.url]).settled()).toMatchObject({ reason: 'bad-schema' });
    expect(far.requests.length).toBeLessThan(120);
  });

  it('tells by a probe whether it is there', async () => {
    const far = await startFarSide((res) => json(res, 200, ['AVRO']));
    const { registry } = ask([far.url]);
    expect(registry.status().state).toBe('unused');
    await registry.probe();
    expect(registry.status().state).toBe('ok');
    const away = ask(['http://127.0.0.1:1']).registry;
    await away.probe();
    expect(away.status().state).toBe('interrupted');
  });
});
