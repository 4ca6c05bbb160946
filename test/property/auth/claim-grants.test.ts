import fc from 'fast-check';
import { grantsOf } from '../../../src/auth/claim-grants';
import { grants } from '../../../src/auth/grant';
import { parseGrantTemplate } from '../../../src/config/grant-template';

const NAMES = ['sub', 'tenant', 'groups', 'a.b', '__proto__', 'constructor'];
const scalar = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('alice', 'a/b', '~', '~1', '..', '.', '', '/', '/orders', '*', '{sub}', 'a\nb', '\ud800'),
  fc.integer(),
  fc.boolean(),
  fc.double(),
  fc.constantFrom<unknown>(null, undefined, {}, [], { toString: 'x' }),
);
const claim = fc.oneof(scalar, fc.array(scalar, { maxLength: 4 }));
const payload = fc.dictionary(fc.constantFrom(...NAMES, 'a', 'subscribe'), claim, { maxKeys: 6 });
const segment = fc.oneof(
  fc.constantFrom('orders', 'x', 'a~1b'),
  fc.constantFrom(...NAMES).map((name) => `{${name}}`),
);
const template = fc
  .array(segment, { minLength: 1, maxLength: 4 })
  .map((segments) => `/${segments.join('/')}`);

/** What a claim may stand for, the slow and obvious way. */
function valuesOf(claims: Record<string, unknown>, name: string): string[] {
  const value = Object.hasOwn(claims, name)
    ? claims[name]
    : name === 'a.b' && Object.hasOwn(claims, 'a')
      ? (claims.a as { b?: unknown } | null | undefined)?.b
      : undefined;
  const all = Array.isArray(value) ? value : [value];
  const isUsable = (it: unknown) =>
    ['string', 'boolean'].includes(typeof it) || (typeof it === 'number' && Number.isFinite(it));
  const isSegment = (text: string) =>
    !['', '.', '..'].includes(text) &&
    text.isWellFormed() &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
  return all.every((it) => isUsable(it) && isSegment(String(it))) ? all.map(String) : [];
}

const unescaped = (text: string) => text.replaceAll('~1', '/').replaceAll('~0', '~');

describe('grants made of claims', () => {
  const granted = (claims: object, text: string, maxChannels = 1_000) => {
    const parsed = parseGrantTemplate(text);
    if (typeof parsed === 'string') throw new Error(parsed);
    return grantsOf(claims as never, { claim: 'list', templates: [parsed], maxChannels });
  };

  it('are the template with values of its claims, one segment each, and nothing else', () => {
    fc.assert(
      fc.property(payload, template, (claims, text) => {
        const wanted = text.slice(1).split('/');
        const { channels, missingClaims } = granted(claims, text);
        for (const channel of channels) {
          const segments = channel.slice(1).split('/');
          expect(segments).toHaveLength(wanted.length);
          const seen = new Map<string, string>();
          for (const [i, want] of wanted.entries()) {
            const name = /^\{(.+)\}$/.exec(want)?.[1];
            if (name === undefined) {
              expect(segments[i]).toBe(want);
              continue;
            }
            expect(valuesOf(claims, name)).toContain(unescaped(segments[i]!));
            expect(seen.get(name) ?? segments[i]).toBe(segments[i]);
            seen.set(name, segments[i]!);
          }
        }
        const names = [...new Set(wanted.flatMap((want) => /^\{(.+)\}$/.exec(want)?.[1] ?? []))];
        const counts = names.map((name) => new Set(valuesOf(claims, name)).size);
        expect(missingClaims).toEqual(names.filter((_, i) => counts[i] === 0));
        const isLong = channels.some((channel) => Buffer.byteLength(channel) > 200);
        if (!isLong && JSON.stringify(claims).length < 200)
          expect(channels).toHaveLength(counts.reduce((product, count) => product * count, 1));
      }),
      { numRuns: 5_000 },
    );
  });

  it('never reach another value’s channel', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (own, other) => {
        fc.pre(own !== other);
        const mine = { holder: null, ...granted({ sub: own }, '/orders/{sub}'), expiresAtMs: null };
        for (const channel of granted({ sub: other }, '/orders/{sub}').channels)
          expect(grants(mine, channel)).toBe(false);
        expect(grants(mine, '/orders')).toBe(false);
        expect(grants(mine, '/')).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are none when lists in several claims multiply beyond the bound', () => {
    const list = Array.from({ length: 40 }, (_, i) => `v${i}`);
    expect(granted({ a: list, b: list }, '/{a}/{b}', 1_600).channels).toHaveLength(1_600);
    expect(() => granted({ a: list, b: list }, '/{a}/{b}', 1_599)).toThrow('more than 1599 channels');
    expect(granted({ a: list }, '/{a}/{a}').channels).toHaveLength(40);
  });
});
