import fc from 'fast-check';
import { type Cursor, clusterHash, formatCursor, parseCursor, topicDigest } from '../../src/wire/cursor';
import { CursorLine } from '../../src/wire/cursor-line';
import type { CursorTopic } from '../../src/wire/cursor-topic';
import { sinceTime } from '../../src/wire/since-time';
import { formatCursorOfVersion2, formatOldCursor } from '../support/old-cursor';

const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
const time = fc.nat(8.64e15).map(sinceTime);
const epoch = fc.oneof(fc.integer({ min: -1, max: 3 }), fc.integer({ min: -1, max: 2 ** 31 - 1 }));
const key = fc.oneof(
  { weight: 3, arbitrary: fc.uuid().map((id) => topicDigest(id).slice(0, 8)) },
  { weight: 1, arbitrary: fc.uuid().map(topicDigest) },
);

const topic: fc.Arbitrary<CursorTopic> = fc
  .tuple(
    key,
    fc.array(fc.tuple(fc.oneof({ weight: 9, arbitrary: offset }, { weight: 1, arbitrary: time }), epoch), {
      minLength: 1,
      maxLength: 40,
    }),
  )
  .map(([own, partitions]) => ({
    key: own,
    positions: partitions.map(([position]) => position),
    epochs: partitions.map(([, one]) => one),
  }));
const topics = fc.uniqueArray(topic, { selector: (one) => one.key, maxLength: 5 });
const cursors = fc.record({ cluster: fc.uuid().map(clusterHash), topics, isScoped: fc.constant(true) });

function oneTopic(positions: bigint[], epochs: number[]): Cursor {
  const topic = { key: topicDigest('t').slice(0, 8), positions, epochs };
  return { cluster: clusterHash('a'), topics: [topic], isScoped: true };
}

const bytesOf = (...bytes: number[]) => Buffer.from(bytes).toString('base64url');

describe('cursor', () => {
  it('comes back as it was', () => {
    fc.assert(fc.property(cursors, (cursor) => expect(parseCursor(formatCursor(cursor))).toEqual(cursor)));
  });

  it('may have the largest epoch beside one that is not known', () => {
    const cursor = oneTopic([0n, 0n, 0n], [2 ** 31 - 1, -1, 0]);
    expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
  });

  it('of version 2 is still read', () => {
    fc.assert(
      fc.property(cursors, (cursor) =>
        expect(parseCursor(formatCursorOfVersion2(cursor))).toEqual({ ...cursor, isScoped: false }),
      ),
    );
  });

  it('of version 1 is still read, without epochs and with the 4 digits of its keys', () => {
    const old = fc.uniqueArray(
      fc.record({ key: fc.nat(0xffff), positions: fc.array(offset, { minLength: 1, maxLength: 40 }) }),
      { selector: (one) => one.key, maxLength: 5 },
    );
    fc.assert(
      fc.property(fc.uuid().map(clusterHash), old, (cluster, written) => {
        expect(parseCursor(formatOldCursor(cluster, written))).toEqual({
          cluster,
          topics: written.map((one) => ({
            key: one.key.toString(16).padStart(4, '0'),
            positions: one.positions,
            epochs: one.positions.map(() => -1),
          })),
          isScoped: false,
        });
      }),
    );
  });

  it('of version 1 names a topic by the beginning of what version 2 does', () => {
    const id = '1.eKKSOD.DpABAA';
    expect(parseCursor(id)).toEqual({
      cluster: 'eKKSOD',
      topics: [{ key: '0e90', positions: [0n], epochs: [-1] }],
      isScoped: false,
    });
    expect(formatOldCursor('eKKSOD', [{ key: 0x0e90, positions: [0n] }])).toBe(id);
  });

  it('is none as long as the end of its text is missing: some clients take an id from a line that was cut', () => {
    fc.assert(
      fc.property(cursors, fc.nat(), (cursor, cut) => {
        const text = formatCursor(cursor);
        expect(parseCursor(text.slice(0, cut % text.length))).toBeNull();
      }),
      { numRuns: 5_000 },
    );
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

  it('is read as something else, or not at all, whatever character of it is changed', () => {
    fc.assert(
      fc.property(cursors, fc.nat(), fc.constantFrom(...'AZaz09_-.'), (cursor, place, character) => {
        const text = formatCursor(cursor);
        const at = 2 + (place % (text.length - 2));
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        const parsed = parseCursor(changed);
        if (parsed === null) return;
        expect(parseCursor(formatCursor(parsed))).toEqual(parsed);
        if (changed !== text) expect(parsed).not.toEqual(cursor);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['', 'nothing'],
    ['4.AAAAAA.AAAB', 'another version'],
    ['1.AAAAA.AAAB', 'a short cluster'],
    [`2.AAAAAA.${'A'.repeat(1_000_000)}`, 'a megabyte'],
    [`2.AAAAAA.${bytesOf(0, 1, 2, 3, 4, 1)}`, 'no partitions'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3)}`, 'a key cut off'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3, 4)}`, 'a missing epoch'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3, 4, 1)}`, 'a missing offset'],
    [`2.AAAAAA.${bytesOf(9, 1, 2, 3, 4, 1, 5)}`, 'a digest cut off'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3, 4, 0x81, 0x80, 0x80, 0x80, 8, 5)}`, 'an epoch of 2^31'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3, 4, 1, ...Array(9).fill(0xff), 1)}`, 'an offset of 2^64 − 1'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3, 4, 1, ...Array(9).fill(0x80), 1)}`, 'an offset of 2^63'],
    [`2.AAAAAA.${bytesOf(16, 1, 2, 3, 4, 1, ...Array(8).fill(0xff), 0x7f, 0, 1)}`, 'a sum of 2^63'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3, 4, 1, ...Array(10).fill(0x80), 1)}`, 'an eleven-byte number'],
    [`2.AAAAAA.${bytesOf(16, 1, 2, 3, 4, 1, 5, 1, 1)}`, 'no partition at the smallest offset'],
    [`2.AAAAAA.${bytesOf(0x88, 0xf1, 4, 1, 2, 3, 4, 1, 5)}`, '10,001 partitions'],
    [`2.AAAAAA.${bytesOf(0, 2, 8, 1, 2, 3, 4, 1, 5, 8, 1, 2, 3, 4, 1, 5)}`, 'a topic twice'],
    ['2.AAAAAA.', 'nothing of any topic'],
    [`2.AAAAAA.${bytesOf(0)}`, 'no number of topics'],
    [`2.AAAAAA.${bytesOf(0, 1, 8, 1, 2, 3, 4, 1, 5)}`, 'the number of one topic'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3, 4, 1, 5, 8, 1, 2, 3, 5, 1, 5)}`, 'two topics without their number'],
    [`2.AAAAAA.${bytesOf(0, 2, 8, 1, 2, 3, 4, 1, 5)}`, 'one topic of two'],
    [`2.AAAAAA.${bytesOf(0, 0, 8, 1, 2, 3, 4, 1, 5)}`, 'a topic of none'],
    [`2.AAAAAA.${bytesOf(8, 1, 2, 3, 4, 1, 0x85, 0)}`, 'a number written too long'],
    [`2.AAAAAA.${bytesOf(18, 1, 2, 3, 4, 1, 1, 0, 5, 0, 0)}`, 'epochs that differ by nothing'],
    [`2.AAAAAA.${bytesOf(18, 1, 2, 3, 4, 1, 2, 4, 5, 0, 0)}`, 'a bit more than the epochs need'],
    [`2.AAAAAA.${bytesOf(18, 1, 2, 3, 4, 1, 1, 6, 5, 0, 0)}`, 'a bit behind the last epoch'],
    [`2.AAAAAA.${bytesOf(18, 1, 2, 3, 4, 1, 32, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0)}`, 'epochs of 32 bits'],
    [`2.AAAAAA.${bytesOf(12, 1, 2, 3, 4, 1, 0, 5)}`, 'times, and none of them'],
    [
      `2.AAAAAA.${bytesOf(12, 1, 2, 3, 4, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)}`,
      'a time without a date',
    ],
    [`3.AAAAAA.${bytesOf(1, 1, 2, 3, 4, 1)}`, 'version 3: no partitions'],
    [`3.AAAAAA.${bytesOf(24, 1, 2, 3, 4, 1, 5)}`, 'version 3: a flag without a meaning'],
    [`3.AAAAAA.${bytesOf(16, 1, 2, 3, 4, 1, ...Array(9).fill(0x80), 1)}`, 'version 3: an offset of 2^63'],
    [`3.AAAAAA.${bytesOf(32, 1, 2, 3, 4, 1)}`, 'version 3: a missing window'],
    [`3.AAAAAA.${bytesOf(32, 1, 2, 3, 4, 1, 0, 5)}`, 'version 3: a place that is missing'],
    [`3.AAAAAA.${bytesOf(32, 1, 2, 3, 4, 1, 1, 5, 0, 5)}`, 'version 3: a place cut off'],
    [`3.AAAAAA.${bytesOf(32, 1, 2, 3, 4, 1, 23, ...Array(16).fill(0))}`, 'version 3: a base of 2^63'],
    [`3.AAAAAA.${bytesOf(32, 1, 2, 3, 4, 1, 7, ...Array(16).fill(0xff))}`, 'version 3: places of 2^64 − 1'],
    [`3.AAAAAA.${bytesOf(32, 1, 2, 3, 4, 1, 0, 5, 5, 5)}`, 'version 3: a byte behind the end'],
    [`3.AAAAAA.${bytesOf(20, 1, 2, 3, 4, 1, 0, 5)}`, 'version 3: times, and none of them'],
    ['1.AAAAAA.AAAA', 'version 1: no partitions'],
    ['1.AAAAAA.AAAB', 'version 1: a missing offset'],
    [`1.AAAAAA.${bytesOf(0, 1, 1, ...Array(9).fill(0x80), 1)}`, 'version 1: an offset of 2^63'],
    [`1.AAAAAA.${bytesOf(0, 1, 2, 5, 11)}`, 'version 1: a negative offset'],
    [`1.AAAAAA.${bytesOf(0, 1, 0xff, 0xff, 0x7f)}`, 'version 1: two million partitions'],
    [`1.AAAAAA.${bytesOf(0, 1, 1, 5, 0, 1, 1, 5)}`, 'version 1: a topic twice'],
    [`1.AAAAAA.${bytesOf(0, 1, 1, 0x85, 0)}`, 'version 1: a number written too long'],
  ])('refuses %.40j: %s', (text) => expect(parseCursor(text)).toBeNull());

  it.each([
    [1, 24, 24, 24],
    [12, 55, 63, 84],
    [30, 103, 120, 180],
  ])('stays short at offsets around 1.2e9: %d partitions', (count, near, elections, skewed) => {
    const of = <T>(make: (partition: number) => T) => Array.from({ length: count }, (_, i) => make(i));
    const length = (positions: bigint[], epochs: number[]) =>
      formatCursor(oneTopic(positions, epochs)).length;
    const within8000 = of((i) => 1_200_000_000n + (i === 0 ? -8_000n : 8_000n));
    expect(
      length(
        within8000,
        of(() => 100),
      ),
    ).toBe(near);
    // Some leaders changed up to seven times more often than others.
    expect(
      length(
        within8000,
        of((i) => 100 + (i % 8)),
      ),
    ).toBe(elections);
    // The longest: every other partition far from the first.
    expect(
      length(
        of((i) => (i === 0 && count > 1 ? 0n : 2_400_000_000n)),
        of(() => 100),
      ),
    ).toBe(skewed);
  });

  it('follows partitions to their next offsets, or says that it cannot', () => {
    const move = fc.tuple(fc.nat(), fc.nat(), fc.bigInt({ min: 0n, max: 70_000n }));
    const near = fc.bigInt({ min: 1_200_000_000n, max: 1_200_010_000n });
    const scope = fc.uniqueArray(
      fc.record({ key, positions: fc.array(near, { minLength: 1, maxLength: 40 }) }),
      { selector: (one) => one.key, minLength: 1, maxLength: 4 },
    );
    let moved = 0;
    let refused = 0;
    fc.assert(
      fc.property(scope, fc.array(move, { maxLength: 20 }), (named, moves) => {
        const cluster = clusterHash('a');
        let all: CursorTopic[] = named.map((one) => ({ ...one, epochs: one.positions.map((_, i) => i % 3) }));
        let line = new CursorLine({ cluster, topics: all });
        for (const [topicPick, partitionPick, by] of moves) {
          const index = topicPick % all.length;
          const own = all[index]!;
          const partition = partitionPick % own.positions.length;
          const position = own.positions[partition]! + by;
          all = all.with(index, { ...own, positions: own.positions.with(partition, position) });
          if (line.move(index, partition, position)) moved++;
          else {
            refused++;
            line = new CursorLine({ cluster, topics: all });
          }
          expect(line.bytes.toString()).toBe(`id: ${line.id}\n`);
          expect(parseCursor(line.id)).toEqual({ cluster, topics: all, isScoped: true });
        }
      }),
      { numRuns: 500 },
    );
    // Rare means untested.
    expect(Math.min(moved, refused)).toBeGreaterThan(100);
  });
});
