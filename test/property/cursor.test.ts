import fc from 'fast-check';
import { type Cursor, clusterHash, formatCursor, parseCursor, topicHash } from '../../src/sse/cursor';

const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const topics = fc.uniqueArray(
  fc.record({ topicKey: fc.nat(0xffff), positions: fc.array(offset, { minLength: 1, maxLength: 40 }) }),
  { selector: ({ topicKey }) => topicKey, maxLength: 5 },
);
const cursors = fc.record({ cluster: fc.uuid().map(clusterHash), topics });

function oneTopic(positions: bigint[]): Cursor {
  return { cluster: clusterHash('a'), topics: [{ topicKey: topicHash('t'), positions }] };
}

describe('cursor', () => {
  it('comes back as it was', () => {
    fc.assert(fc.property(cursors, (cursor) => expect(parseCursor(formatCursor(cursor))).toEqual(cursor)));
  });

  it('uses only characters that need no CORS preflight', () => {
    fc.assert(fc.property(cursors, (cursor) => expect(formatCursor(cursor)).toMatch(/^[A-Za-z0-9._~=,-]+$/)));
  });

  it('is null for junk, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(parseCursor(text)).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  it('is read one way only: any change of the text is another cursor or none', () => {
    fc.assert(
      fc.property(cursors, fc.nat(), fc.constantFrom(...'AZaz09_-.'), (cursor, place, character) => {
        const text = formatCursor(cursor);
        const at = place % text.length;
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        const parsed = parseCursor(changed);
        if (parsed !== null) expect(formatCursor(parsed)).toBe(changed);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['', 'nothing'],
    ['2.AAAAAA.AAAB', 'another version'],
    ['1.AAAAA.AAAB', 'a short cluster'],
    [`1.AAAAAA.${'A'.repeat(1_000_000)}`, 'a megabyte'],
    ['1.AAAAAA.AAAA', 'no partitions'],
    ['1.AAAAAA.AAAB', 'a missing offset'],
    [
      `1.AAAAAA.${Buffer.from([0, 1, 1, ...Array(9).fill(0xff), 1]).toString('base64url')}`,
      'an offset of 2^64 − 1',
    ],
    [
      `1.AAAAAA.${Buffer.from([0, 1, 1, ...Array(9).fill(0x80), 1]).toString('base64url')}`,
      'an offset of 2^63',
    ],
    [
      `1.AAAAAA.${Buffer.from([0, 1, 1, ...Array(10).fill(0x80), 1]).toString('base64url')}`,
      'an eleven-byte number',
    ],
    [`1.AAAAAA.${Buffer.from([0, 1, 2, 5, 11]).toString('base64url')}`, 'a negative offset'],
    [`1.AAAAAA.${Buffer.from([0, 1, 0xff, 0xff, 0x7f]).toString('base64url')}`, 'two million partitions'],
    [`1.AAAAAA.${Buffer.from([0, 1, 1, 5, 0, 1, 1, 5]).toString('base64url')}`, 'a topic twice'],
    [`1.AAAAAA.${Buffer.from([0, 1, 1, 0x85, 0]).toString('base64url')}`, 'a number written too long'],
  ])('refuses %.40j: %s', (text) => expect(parseCursor(text)).toBeNull());

  it.each([
    [1, 20, 20],
    [12, 64, 93],
    [30, 136, 213],
  ])('stays short at offsets around 1.2e9: %d partitions', (count, near, skewed) => {
    const length = (positions: bigint[]) => formatCursor(oneTopic(positions)).length;
    const at = (offset: (partition: number) => bigint) =>
      length(Array.from({ length: count }, (_, i) => offset(i)));
    // The longest of each kind: every partition as far from the one before as it can be.
    expect(at((i) => 1_200_000_000n + (i % 2 === 0 ? 8_000n : -8_000n))).toBe(near);
    expect(at((i) => (i % 2 === 0 ? 2_400_000_000n : 0n))).toBe(skewed);
  });
});
