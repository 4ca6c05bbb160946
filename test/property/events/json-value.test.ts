import fc from 'fast-check';
import { fieldTree, jsonOf, parseJson } from '../../../src/events/json-value';

const NAMES = ['a', 'b', 'c', '__proto__', 'constructor', '0'];
/** Every text in it is a secret, whose path is known. */
const { value: json } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    ),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.array(fc.tuple(fc.constantFrom(...NAMES), tie('value')), { maxLength: 4 }).map(ownObject),
  ),
}));
const paths = fc.array(fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 4,
});

function ownObject(members: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of members)
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  return object;
}

function written(text: string, wanted: Parameters<typeof jsonOf>[1]): string {
  const read = parseJson(Buffer.from(text));
  if ('fault' in read) throw new Error(read.fault);
  const out = jsonOf(read.value, wanted);
  if ('fault' in out) throw new Error(out.fault);
  return out.text;
}

/** The names on the way to each value that is no object or list, without the indexes of lists. */
function leaves(value: unknown, at: readonly string[] = []): string[] {
  if (typeof value !== 'object' || value === null) return [at.join('.')];
  if (Array.isArray(value)) return value.flatMap((item) => leaves(item, at));
  return Object.entries(value).flatMap(([name, member]) => leaves(member, [...at, name]));
}

describe('values as JSON', () => {
  it('go out as they came in', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value);
        expect(written(text, 'all')).toBe(text);
      }),
    );
  });

  it('keep all digits of whole numbers, beside texts that look like numbers', () => {
    const part = fc.oneof(
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(String),
      fc.integer().map(String),
      fc
        .oneof(fc.string(), fc.constantFrom('12345678901234567890', ' 12345678901234567890,"', '\\'))
        .map((text) => JSON.stringify(text)),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = `[${parts.join(',')}]`;
        expect(written(text, 'all')).toBe(text);
      }),
    );
  });

  it('have nothing that fields does not name', () => {
    fc.assert(
      fc.property(json, paths, (value, wanted) => {
        const out = JSON.parse(written(JSON.stringify(value), fieldTree(wanted)));
        const isNamed = (leaf: string) =>
          wanted.some((path) => leaf === path.join('.') || leaf.startsWith(`${path.join('.')}.`));
        for (const leaf of leaves(out)) expect(isNamed(leaf)).toBe(true);
        // And all that it does name, as often as it is there.
        expect(leaves(out).sort()).toEqual(leaves(value).filter(isNamed).sort());
      }),
      { numRuns: 1_000 },
    );
  });

  it('are a value or a fault, whatever the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc
        .string({ unit: fc.constantFrom('[', ']', '{', '}', '"', ':', ',', '1', 'e', '.', '-', '\\') })
        .map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, (given) => {
        const read = parseJson(Buffer.from(given));
        if ('fault' in read) expect(['not-utf8', 'not-json']).toContain(read.fault);
        else expect(jsonOf(read.value, fieldTree([['a', 'b']]))).toHaveProperty('text');
      }),
      { numRuns: 3_000 },
    );
  });
});
