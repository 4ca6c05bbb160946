import { Type } from 'avsc';
import { avroReader } from '../../../src/values/avro-schema';
import { ByteReader } from '../../../src/values/byte-reader';
import { type JsonValue, ValueError, type ValueOptions } from '../../../src/values/decoded';
import { jsonText } from '../../../src/values/json-text';

const OPTIONS: ValueOptions = { int64: 'number', maxDepth: 64, maxNodes: 10_000 };

function read(schema: unknown, bytes: Buffer, options: Partial<ValueOptions> = {}): JsonValue {
  return avroReader(JSON.stringify(schema))(new ByteReader(bytes, 0, { ...OPTIONS, ...options }));
}

function text(schema: unknown, bytes: Buffer, options: Partial<ValueOptions> = {}): string {
  return jsonText(read(schema, bytes, options));
}

function faultOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ValueError) return error.reason;
    throw error;
  }
  return 'none';
}

/** A zigzag varint. */
function long(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

describe('Avro', () => {
  it('gives each member of a record by name, a union by its value alone, an enum by its name', () => {
    const schema = {
      type: 'record',
      name: 'Order',
      namespace: 'shop',
      fields: [
        { name: 'id', type: 'string' },
        { name: 'state', type: { type: 'enum', name: 'State', symbols: ['NEW', 'PAID'] } },
        { name: 'before', type: ['null', 'State'] },
        { name: 'lines', type: { type: 'array', items: { type: 'map', values: 'int' } } },
        { name: 'photo', type: 'bytes' },
        { name: 'code', type: { type: 'fixed', name: 'Code', size: 2 } },
        { name: 'paid', type: 'boolean' },
        { name: 'weight', type: 'double' },
      ],
    } as const;
    const bytes = Type.forSchema(schema as never, { wrapUnions: false }).toBuffer({
      id: 'ö1',
      state: 'PAID',
      before: 'NEW',
      lines: [{ a: 1, b: -2 }, {}],
      photo: Buffer.from([255, 0]),
      code: Buffer.from('ab'),
      paid: true,
      weight: 1.5,
    });
    expect(text(schema, bytes)).toBe(
      '{"id":"ö1","state":"PAID","before":"NEW","lines":[{"a":1,"b":-2},{}],"photo":"/wA=","code":"YWI=","paid":true,"weight":1.5}',
    );
  });

  it.each([0n, 1n, -1n, 2n ** 53n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)])(
    'gives the long %s with all its digits, or as text',
    (value) => {
      expect(text('long', long(value))).toBe(String(value));
      expect(text('long', long(value), { int64: 'string' })).toBe(`"${value}"`);
    },
  );

  it.each([
    ['date', 'int', 20_785n, '2026-11-28'],
    ['time-millis', 'int', 63_900_123n, '17:45:00.123'],
    ['time-micros', 'long', 63_900_123_456n, '17:45:00.123456'],
    ['timestamp-millis', 'long', 1_795_887_900_123n, '2026-11-28T17:45:00.123Z'],
    ['timestamp-micros', 'long', 1_795_887_900_123_456n, '2026-11-28T17:45:00.123456Z'],
    ['timestamp-micros', 'long', -1n, '1969-12-31T23:59:59.999999Z'],
    ['timestamp-nanos', 'long', 1_795_887_900_123_456_789n, '2026-11-28T17:45:00.123456789Z'],
    ['timestamp-nanos', 'long', -1n, '1969-12-31T23:59:59.999999999Z'],
    ['local-timestamp-millis', 'long', 1_795_887_900_123n, '2026-11-28T17:45:00.123'],
  ])('gives a %s as ISO 8601', (logicalType, type, value, shown) => {
    expect(read({ type, logicalType }, long(value))).toBe(shown);
  });

  it('gives a time that has no text as its number', () => {
    const never = 2n ** 63n - 1n;
    expect(text({ type: 'long', logicalType: 'timestamp-millis' }, long(never))).toBe(String(never));
    expect(read({ type: 'int', logicalType: 'time-millis' }, long(-1n))).toBe(-1);
  });

  it.each([
    ['04ce', 2, '12.30'],
    ['fb32', 2, '-12.30'],
    ['05', 3, '0.005'],
    ['ff', 0, '-1'],
    ['', 2, '0.00'],
  ])('gives the decimal %s with scale %s as text', (hex, scale, shown) => {
    const bytes = Buffer.from(hex, 'hex');
    const schema = { type: 'bytes', logicalType: 'decimal', precision: 9, scale };
    expect(read(schema, Buffer.concat([long(BigInt(bytes.length)), bytes]))).toBe(shown);
  });

  it('gives a duration and a UUID of bytes as text', () => {
    const duration = Buffer.alloc(12);
    duration.writeUInt32LE(1, 0);
    duration.writeUInt32LE(2, 4);
    duration.writeUInt32LE(3_004, 8);
    expect(read({ type: 'fixed', name: 'D', size: 12, logicalType: 'duration' }, duration)).toBe(
      'P1M2DT3.004S',
    );
    const uuid = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
    expect(read({ type: 'fixed', name: 'U', size: 16, logicalType: 'uuid' }, uuid)).toBe(
      '01234567-89ab-cdef-0123-456789abcdef',
    );
  });

  it('ignores a logical type that does not fit the type under it', () => {
    expect(read({ type: 'string', logicalType: 'date' }, Buffer.from([2, 0x61]))).toBe('a');
  });

  it('has no number in JSON for NaN and infinities', () => {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(Number.NEGATIVE_INFINITY);
    expect(read('double', bytes)).toBe('-Infinity');
  });

  it('keeps members that are named as those of every object', () => {
    const name = Buffer.from('__proto__');
    const bytes = Buffer.concat([long(1n), long(9n), name, long(1n), Buffer.from('x'), long(0n)]);
    expect(text({ type: 'map', values: 'string' }, bytes)).toBe('{"__proto__":"x"}');
  });

  it('reads types of schemas that it refers to', () => {
    const address =
      '{"type":"record","name":"Address","namespace":"shop","fields":[{"name":"city","type":"string"}]}';
    const order =
      '{"type":"record","name":"Order","namespace":"shop","fields":[{"name":"to","type":"Address"}]}';
    const bytes = Buffer.from([2, 0x61]);
    expect(avroReader(order, [address])(new ByteReader(bytes, 0, OPTIONS))).toEqual({ to: { city: 'a' } });
    expect(faultOf(() => avroReader(order))).toBe('bad-schema');
  });

  it('bounds what few bytes can ask for', () => {
    const many = Buffer.concat([long(100_000_000n), long(0n)]);
    expect(faultOf(() => read({ type: 'array', items: 'null' }, many))).toBe('too-complex');
    expect(faultOf(() => read({ type: 'array', items: 'null' }, long(-(2n ** 63n))))).toBe('malformed');
    expect(faultOf(() => read({ type: 'map', values: 'null' }, long(2n ** 62n)))).toBe('too-complex');
    expect(faultOf(() => read('string', long(2n ** 40n)))).toBe('malformed');
    const endless = { type: 'record', name: 'R', fields: [{ name: 'next', type: 'R' }] };
    expect(faultOf(() => read(endless, Buffer.alloc(0)))).toBe('too-complex');
    const wide = { type: 'record', name: 'W', fields: [{ name: 'a', type: { type: 'array', items: 'W' } }] };
    expect(faultOf(() => read(wide, Buffer.alloc(100, 2)))).toBe('too-complex');
    const digits = Buffer.concat([long(600n), Buffer.alloc(600)]);
    expect(faultOf(() => read({ type: 'bytes', logicalType: 'decimal', precision: 9 }, digits))).toBe(
      'too-complex',
    );
  });

  it.each([
    ['a list of nothing', {}],
    ['a name that is not defined', 'Nobody'],
    ['a record without fields', { type: 'record', name: 'R' }],
    ['an enum without symbols', { type: 'enum', name: 'E' }],
    ['a fixed type without a size', { type: 'fixed', name: 'F' }],
    ['a field without a name', { type: 'record', name: 'R', fields: [{ type: 'int' }] }],
    ['a type that is itself', { type: 'T' }],
  ])('rejects a schema that is %s', (_, schema) => {
    expect(faultOf(() => avroReader(JSON.stringify(schema)))).toBe('bad-schema');
  });

  it('rejects a schema that is nested too deeply', () => {
    const deep = `${'{"type":"array","items":'.repeat(5_000)}"int"${'}'.repeat(5_000)}`;
    expect(faultOf(() => avroReader(deep))).toBe('bad-schema');
  });

  it('rejects bytes that do not fit', () => {
    expect(faultOf(() => read('boolean', Buffer.from([2])))).toBe('malformed');
    expect(faultOf(() => read('int', long(2n ** 31n)))).toBe('malformed');
    expect(faultOf(() => read('long', Buffer.alloc(11, 0xff)))).toBe('malformed');
    expect(faultOf(() => read('string', Buffer.from([2, 0xff])))).toBe('malformed');
    expect(faultOf(() => read(['null', 'int'], long(2n)))).toBe('malformed');
    expect(faultOf(() => read({ type: 'enum', name: 'E', symbols: ['A'] }, long(1n)))).toBe('malformed');
    expect(faultOf(() => read('double', Buffer.alloc(7)))).toBe('malformed');
  });
});
