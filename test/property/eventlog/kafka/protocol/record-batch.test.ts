import fc from 'fast-check';
import { decodeRecordSet } from '../../../../../src/eventlog/kafka/protocol/record-batch';
import { BASE_OFFSET, type RecordSetName, recordSet } from '../../../../support/fixtures/record-sets';
import {
  type BatchToEncode,
  batchStarts,
  decodingFault,
  encodeBatch,
  encodeMessage,
  encodeMessageSet,
  seal,
} from '../../../../support/record-set';

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

/** Messages of the formats before Kafka 0.11, alone or in sets, in offset order with holes as compaction leaves them. */
const messageSets = fc.array(
  fc.record({
    magic: fc.constantFrom<0 | 1>(0, 1),
    isSet: fc.boolean(),
    messages: fc.array(
      fc.record({
        skipped: fc.nat(3),
        timestampMs: fc.nat(),
        key: fc.option(bytes),
        value: fc.option(bytes),
      }),
      { minLength: 1, maxLength: 5 },
    ),
  }),
  { minLength: 1, maxLength: 5 },
);

describe('a set of messages from before Kafka 0.11', () => {
  it('gives exactly its records from the fetch offset on, as far as it is complete', () => {
    fc.assert(
      fc.property(messageSets, fc.nat(60), fc.nat(), (shapes, skipped, cut) => {
        let offset = 99n;
        const parts = shapes.flatMap(({ magic, isSet, messages: shaped }) => {
          const messages = shaped.map(({ skipped: hole, ...message }) => {
            offset += 1n + BigInt(hole);
            return { offset, ...message };
          });
          const records = messages.map((message) => ({
            ...message,
            timestampMs: magic === 0 ? -1 : message.timestampMs,
            headers: [],
          }));
          if (isSet) return [{ encoded: encodeMessageSet(magic, messages), records }];
          return messages.map((message, i) => ({
            encoded: encodeMessage(magic, message),
            records: [records[i]!],
          }));
        });
        const whole = Buffer.concat(parts.map(({ encoded }) => encoded));
        const length = whole.length - (cut % (whole.length + 1));
        const ends = parts.map((_, i) =>
          parts.slice(0, i + 1).reduce((sum, { encoded }) => sum + encoded.length, 0),
        );
        const complete = parts.filter((_, i) => ends[i]! <= length).flatMap(({ records }) => records);
        const fetchOffset = 95n + BigInt(skipped);

        const decoded = decodeRecordSet(whole.subarray(0, length), fetchOffset, []);

        const end = (complete.at(-1)?.offset ?? -1n) + 1n;
        expect(decoded).toEqual({
          records: complete.filter((record) => record.offset >= fetchOffset),
          next: end > fetchOffset ? end : fetchOffset,
          leaderEpoch: -1,
          gaps: [],
        });
      }),
    );
  });
});

const names: RecordSetName[] = [
  ...(['none', 'gzip', 'snappy', 'lz4', 'zstd', 'transactions'] as const),
  ...(['magic-0', 'magic-0-gzip', 'magic-0-lz4', 'magic-1', 'magic-1-gzip', 'magic-1-snappy'] as const),
];
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
          const minLength = set[16]! < 2 ? 14 : 49;
          if (sealed && length >= minLength && length <= set.length - 12) seal(set);
          const fetchOffset = firstOffset(name) + BigInt(skipped);
          const cut = kept === null ? set : set.subarray(0, Math.floor((set.length * kept) / 100));
          const decoded = decodeRecordSet(cut, fetchOffset, [{ producerId: 1n, firstOffset: 0n }]);
          expect(decodingFault(decoded, fetchOffset)).toBeNull();
        },
      ),
      { numRuns: 400 },
    );
  });

  it('of any bytes as well', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.bigInt(0n, 2n ** 63n - 1n), (junk, fetchOffset) => {
        expect(decodingFault(decodeRecordSet(Buffer.from(junk), fetchOffset, []), fetchOffset)).toBeNull();
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

        expect(decodingFault(decoded, fetchOffset)).toBeNull();
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
