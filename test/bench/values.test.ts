import { Type } from 'avsc';
import { avroReader } from '../../src/values/avro-schema';
import { ByteReader } from '../../src/values/byte-reader';
import type { ValueOptions } from '../../src/values/decoded';
import { jsonText } from '../../src/values/json-text';

const OPTIONS: ValueOptions = { int64: 'number', maxDepth: 64, maxNodes: 100_000 };
const ROUNDS = 7;
const DECODED = 20_000;
/** Measured: 0.9 (2.1 µs a value, where JSON took 2.4). */
const MAX_RATIO = 1.8;

const SCHEMA = {
  type: 'record',
  name: 'Order',
  fields: Object.entries({
    id: 'string',
    customer: 'string',
    total: 'double',
    count: 'int',
    at: 'long',
    paid: 'boolean',
    state: { type: 'enum', name: 'State', symbols: ['NEW', 'PAID'] },
    note: ['null', 'string'],
    tags: { type: 'array', items: 'string' },
    version: 'long',
  }).map(([name, type]) => ({ name, type })),
};
const ORDER = {
  id: 'order-123456',
  customer: 'customer-9876',
  total: 129.95,
  count: 3,
  at: 1_795_887_900_123,
  paid: true,
  state: 'PAID',
  note: 'leave at the door',
  tags: ['a', 'b'],
  version: 17,
};

/** Microseconds of processor time for each call. */
function costOf(run: () => unknown): number {
  const before = process.cpuUsage();
  for (let i = 0; i < DECODED; i++) run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / DECODED;
}

it('turns an Avro value of ten fields into JSON for about what JSON itself costs to parse and write', () => {
  const bytes = Type.forSchema(SCHEMA as never, { wrapUnions: false }).toBuffer(ORDER);
  const read = avroReader(JSON.stringify(SCHEMA));
  const text = Buffer.from(JSON.stringify(ORDER));
  const avro = () => Buffer.from(jsonText(read(new ByteReader(bytes, 0, OPTIONS))));
  const json = () => Buffer.from(JSON.stringify(JSON.parse(text.toString())));
  expect(avro()).toEqual(text);
  const costs: { readonly avro: number; readonly json: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) costs.push({ avro: costOf(avro), json: costOf(json) });
  const cheapest = (name: 'avro' | 'json') => Math.min(...costs.map((cost) => cost[name]));
  expect(cheapest('avro') / cheapest('json')).toBeLessThan(MAX_RATIO);
});
