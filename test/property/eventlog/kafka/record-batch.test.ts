import fc from 'fast-check';
import { type DecodedRecords, decodeRecordSet } from '../../../../src/eventlog/kafka/record-batch';
import { BASE_OFFSET, type RecordSetName, recordSet } from '../../../support/fixtures/record-sets';
import { type BatchToEncode, batchStarts, encodeBatch, seal } from '../../../support/record-set';

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

const record = fc.record({
  offsetsSkipped: fc.nat(3),
  timestampDelta: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 5, unit: 'grapheme' }), bytes, { maxKeys: 3 }),
});

/** Batches in offset order, with holes between them, inside them and at their ends, as compaction leaves them. */
const batches: fc.Arbitrary<BatchToEncode[]> = fc
  .tuple(
    fc.constantFrom(0n, 3n, 2n ** 31n - 5n, 2n ** 53n - 5n, 2n ** 62n),
    fc.array(
      fc.record({
        offsetsBefore: fc.nat(3),
        offsetsBehind: fc.nat(3),
        codec: fc.constantFrom<0 | 1>(0, 1),
        transactionOf: fc.option(fc.constantFrom(1n, 2n)),
        baseTimestampMs: fc.nat(2 ** 31 - 1),
        records: fc.array(record, { maxLength: 6 }),
      }),
      { minLength: 1, maxLength: 6 },
    ),
  )
  .map(([start, shapes]) => {
    let offset = start;
    return shapes.map(({ offsetsBefore, offsetsBehind, records, ...rest }) => {
      const baseOffset = offset + BigInt(offsetsBefore);
      let delta = -1;
      const placed = records.map(({ offsetsSkipped, ...record }) => {
        delta += 1 + offsetsSkipped;
        return { offsetDelta: delta, ...record };
      });
      const lastOffsetDelta = Math.max(0, delta) + offsetsBehind;
      offset = baseOffset + BigInt(lastOffsetDelta) + 1n;
      return { baseOffset, lastOffsetDelta, records: placed, ...rest };
    });
  });

function expectedRecords(batch: BatchToEncode) {
  return batch.records.map(({ offsetDelta, timestampDelta, key, value, headers }) => ({
    offset: batch.baseOffset + BigInt(offsetDelta),
    timestampMs: batch.baseTimestampMs + timestampDelta,
    key,
    value,
    headers: Object.entries(headers).map(([key, value]) => ({ key, value })),
  }));
}

const endOf = (batch: BatchToEncode) => batch.baseOffset + BigInt(batch.lastOffsetDelta) + 1n;

async function encode(set: readonly BatchToEncode[]): Promise<Buffer> {
  return Buffer.concat(await Promise.all(set.map(encodeBatch)));
}

describe('a record set that kafkajs encoded', () => {
  it('gives exactly its records from the fetch offset on, as far as its batches are complete', () =>
    fc.assert(
      fc.asyncProperty(batches, fc.nat(60), fc.nat(), async (set, skipped, cut) => {
        const whole = await encode(set);
        const length = whole.length - (cut % (whole.length + 1));
        const starts = [...batchStarts(whole), whole.length];
        const complete = set.filter((_, i) => starts[i + 1]! <= length);
        const fetchOffset = set[0]!.baseOffset + BigInt(skipped);

        const decoded = decodeRecordSet(whole.subarray(0, length), fetchOffset, []);

        const last = complete.at(-1);
        expect(decoded).toEqual({
          records: complete.flatMap(expectedRecords).filter((record) => record.offset >= fetchOffset),
          next: last === undefined || endOf(last) <= fetchOffset ? fetchOffset : endOf(last),
          leaderEpoch: last === undefined || endOf(last) <= fetchOffset ? -1 : 0,
          gaps: [],
        });
      }),
    ));

  it('gives the same when it is read in two fetches that part anywhere', () =>
    fc.assert(
      fc.asyncProperty(batches, fc.nat(), async (set, cut) => {
        const whole = await encode(set);
        const start = set[0]!.baseOffset;
        const first = decodeRecordSet(whole.subarray(0, cut % (whole.length + 1)), start, []);
        const second = decodeRecordSet(whole, first.next, []);
        expect([...first.records, ...second.records]).toEqual(decodeRecordSet(whole, start, []).records);
      }),
    ));
});

/** What holds for every answer, whatever the bytes: nothing twice, nothing out of order, no record in a gap. */
function expectSound(decoded: DecodedRecords, fetchOffset: bigint): void {
  const { records, gaps, next } = decoded;
  const pieces = [
    ...records.map(({ offset }) => ({ from: offset, to: offset + 1n })),
    ...gaps.map(({ from, to }) => ({ from, to })),
  ].toSorted((a, b) => (a.from < b.from ? -1 : 1));
  let position = fetchOffset;
  for (const { from, to } of pieces) {
    expect(from).toBeGreaterThanOrEqual(position);
    expect(to).toBeGreaterThan(from);
    position = to;
  }
  expect(next).toBeGreaterThanOrEqual(position);
  for (const list of [records.map(({ offset }) => offset), gaps.map(({ from }) => from)]) {
    expect(list).toEqual(list.toSorted((a, b) => (a < b ? -1 : 1)));
  }
}

const names: RecordSetName[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'transactions', 'magic-1-gzip'];
const firstOffset = (name: RecordSetName) =>
  recordSet(name).readBigInt64BE(0) >= BASE_OFFSET ? BASE_OFFSET : 0n;

/** A change to one byte: where (scaled to what may be changed) and the bits to flip. */
const changes = fc.array(
  fc.record({
    at: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.01, noNaN: true })),
    flip: fc.integer({ min: 1, max: 255 }),
  }),
  { minLength: 1, maxLength: 5 },
);

describe('junk', () => {
  it('is read without a throw, to an end, and to something sound', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        changes,
        fc.boolean(),
        fc.nat(20),
        fc.option(fc.nat(100)),
        (name, flips, sealed, skipped, kept) => {
          const set = recordSet(name);
          for (const { at, flip } of flips) set[Math.floor(at * (set.length - 1))]! ^= flip;
          const length = set.readInt32BE(8);
          if (sealed && length >= 49 && length <= set.length - 12) seal(set);
          const fetchOffset = firstOffset(name) + BigInt(skipped);
          const cut = kept === null ? set : set.subarray(0, Math.floor((set.length * kept) / 100));
          expectSound(decodeRecordSet(cut, fetchOffset, [{ producerId: 1n, firstOffset: 0n }]), fetchOffset);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('of any bytes as well', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.bigInt(0n, 2n ** 63n - 1n), (junk, fetchOffset) => {
        expectSound(decodeRecordSet(Buffer.from(junk), fetchOffset, []), fetchOffset);
      }),
    );
  });

  it('under the checksum hides no record: each one is there or in a gap', () =>
    fc.assert(
      fc.asyncProperty(batches, fc.nat(30), fc.nat(), changes, async (set, skipped, which, flips) => {
        const whole = await encode(set);
        const starts = [...batchStarts(whole), whole.length];
        const batch = which % set.length;
        const covered = { start: starts[batch]! + 17, end: starts[batch + 1]! };
        for (const { at, flip } of flips) {
          whole[covered.start + Math.floor(at * (covered.end - covered.start - 1))]! ^= flip;
        }
        const fetchOffset = set[0]!.baseOffset + BigInt(skipped);
        const logEnd = endOf(set.at(-1)!);

        const decoded = decodeRecordSet(whole, fetchOffset, [], undefined, logEnd);

        expectSound(decoded, fetchOffset);
        const seen = new Set(decoded.records.map(({ offset }) => offset));
        const lost = set
          .flatMap(expectedRecords)
          .map(({ offset }) => offset)
          .filter((offset) => offset >= fetchOffset && offset < decoded.next && !seen.has(offset));
        for (const offset of lost) {
          expect(decoded.gaps.some(({ from, to }) => from <= offset && offset < to)).toBe(true);
          expect(set[batch]!.baseOffset <= offset && offset < endOf(set[batch]!)).toBe(true);
        }
      }),
    ));
});
