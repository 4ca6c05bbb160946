import { Type } from 'avsc';
import fc from 'fast-check';
import { avroReader } from '../../../src/values/avro-schema';
import { ByteReader } from '../../../src/values/byte-reader';
import { jsonText } from '../../../src/values/json-text';

/** A schema of any shape; names are given later, so that no two are the same. */
const { schema } = fc.letrec<{ schema: unknown }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.constantFrom('null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'),
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc.record({ type: fc.constant('map'), values: tie('schema') }),
    fc.record({ type: fc.constant('enum'), symbols: fc.constant(['A', 'B', 'C']) }),
    fc.record({ type: fc.constant('fixed'), size: fc.nat(5) }),
    fc.record({
      type: fc.constant('record'),
      fields: fc
        .array(tie('schema'), { maxLength: 4 })
        .map((types) => types.map((type, i) => ({ name: `f${i}`, type }))),
    }),
    tie('schema').map((type) => (typeof type === 'string' && type !== 'null' ? ['null', type] : type)),
  ),
}));

function named(given: unknown): unknown {
  let count = 0;
  return JSON.parse(JSON.stringify(given), (_, member: unknown) => {
    const type = (member as { type?: unknown } | null)?.type;
    if (type !== 'enum' && type !== 'fixed' && type !== 'record') return member;
    return { ...(member as object), name: `N${count++}` };
  });
}

/** A value of avsc as we show it. */
function shown(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(shown);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, shown(member)]));
}

describe('Avro, against avsc', () => {
  it('says of any value of any schema what avsc says', () => {
    fc.assert(
      fc.property(schema.map(named), (given) => {
        const type = Type.forSchema(given as never, { wrapUnions: false });
        const value: unknown = type.random();
        const bytes = type.toBuffer(value);
        const reader = new ByteReader(bytes, 0, { int64: 'number', maxDepth: 100, maxNodes: 1_000_000 });
        const read = avroReader(JSON.stringify(given))(reader);
        expect(reader.isAtEnd).toBe(true);
        expect(jsonText(read)).toBe(JSON.stringify(shown(type.fromBuffer(bytes))));
      }),
      { numRuns: 500 },
    );
  });
});
