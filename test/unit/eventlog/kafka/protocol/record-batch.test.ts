import { gzipSync } from 'node:zlib';
import { createCodecs } from '../../../../../src/eventlog/kafka/protocol/codecs';
import { decodeRecordSet, LEADER_EPOCH_AT } from '../../../../../src/eventlog/kafka/protocol/record-batch';
import {
  BASE_OFFSET,
  BASE_TIME_MS,
  expectedRecord,
  type RecordSetName,
  recordSet,
} from '../../../../support/fixtures/record-sets';
import {
  batchStarts,
  encodeBatch,
  encodeMessage,
  encodeMessageSet,
  seal,
} from '../../../../support/record-set';

function batch(baseOffset: bigint, values: readonly string[], over: object = {}): Promise<Buffer> {
  return encodeBatch({
    baseOffset,
    lastOffsetDelta: values.length - 1,
    baseTimestampMs: 0,
    codec: 0,
    transactionOf: null,
    records: values.map((value, offsetDelta) => ({
      offsetDelta,
      timestampDelta: 0,
      key: null,
      value: Buffer.from(value),
      headers: {},
    })),
    ...over,
  });
}

/** Ten batches of two records each, from offset 100 on. */
async function tenBatches(): Promise<Buffer> {
  const batches: Buffer[] = [];
  for (let i = 0; i < 10; i++) batches.push(await batch(100n + 2n * BigInt(i), [`a${i}`, `b${i}`]));
  return Buffer.concat(batches);
}

/** As a leader writes it; the client's markers have an epoch and its batches none. */
function ofOneEpoch(set: Buffer): Buffer {
  for (const start of batchStarts(set)) set.writeInt32BE(3, start + LEADER_EPOCH_AT);
  return set;
}

const offsets = (decoded: { records: readonly { offset: bigint }[] }) =>
  decoded.records.map((record) => Number(record.offset));
const values = (decoded: { records: readonly { value: Buffer | null }[] }) =>
  decoded.records.map((record) => String(record.value));

describe('record sets of Kafka’s Java client', () => {
  it.each<[RecordSetName, number]>([
    ['none', 12],
    ['gzip', 300],
    ['snappy', 300],
    ['lz4', 300],
    ['zstd', 300],
    ['zstd-22', 300],
  ])('%s: every record, key, value, header and time', (name, count) => {
    const decoded = decodeRecordSet(recordSet(name), BASE_OFFSET, []);
    expect(decoded.gaps).toEqual([]);
    expect(decoded.next).toBe(BASE_OFFSET + BigInt(count));
    expect(decoded.records).toEqual(Array.from({ length: count }, (_, i) => expectedRecord(i)));
  });

  it('log append time: the broker’s time, not the producer’s', () => {
    const set = recordSet('log-append-time');
    const stamped = Number(set.readBigInt64BE(35));
    const decoded = decodeRecordSet(set, 7n, []);
    expect(decoded.records.map((record) => record.timestampMs)).toEqual([stamped, stamped]);
  });

  it('transactions: committed records only, and never the markers', () => {
    const decoded = decodeRecordSet(ofOneEpoch(recordSet('transactions')), 0n, [
      { producerId: 1n, firstOffset: 0n },
    ]);
    expect(values(decoded)).toEqual(['kept 2', 'kept 3', 'kept 6', 'kept 8']);
    expect(offsets(decoded)).toEqual([2, 3, 6, 8]);
    expect(decoded).toMatchObject({ next: 9n, gaps: [] });
  });

  it('transactions: an abort that lies behind the fetch offset still ends at its marker', () => {
    const decoded = decodeRecordSet(ofOneEpoch(recordSet('transactions')), 1n, [
      { producerId: 1n, firstOffset: 0n },
    ]);
    expect(offsets(decoded)).toEqual([2, 3, 6, 8]);
  });

  it('transactions: an aborted one may begin with the last offset of a batch', async () => {
    const set = await batch(10n, ['aborted'], { transactionOf: 1n });
    const decoded = decodeRecordSet(set, 10n, [{ producerId: 1n, firstOffset: 10n }]);
    expect(decoded).toEqual({ records: [], next: 11n, leaderEpoch: 0, gaps: [] });
  });

  it('transactions: a position moves over markers and aborted records at the end', () => {
    const set = recordSet('transactions');
    const upToMarker5 = set.subarray(0, batchStarts(set)[4]);
    const decoded = decodeRecordSet(upToMarker5, 4n, [{ producerId: 1n, firstOffset: 0n }]);
    expect(decoded).toEqual({ records: [], next: 6n, leaderEpoch: 0, gaps: [] });
    const aborted = set.subarray(0, batchStarts(set)[1]);
    expect(decodeRecordSet(aborted, 0n, [{ producerId: 1n, firstOffset: 0n }])).toMatchObject({
      records: [],
      next: 2n,
    });
  });

  describe.each([0, 1] as const)('messages of format %d, from before Kafka 0.11', (magic) => {
    /** They have no headers, and those of format 0 no time. */
    const expected = (count: number) =>
      Array.from({ length: count }, (_, i) => {
        const { timestampMs, ...record } = expectedRecord(i);
        return { ...record, timestampMs: magic === 0 ? -1 : timestampMs, headers: [] };
      });

    it.each<[string, RecordSetName, number]>([
      ['one by one', `magic-${magic}`, 12],
      ['in gzip', `magic-${magic}-gzip`, 20],
      ['in snappy', `magic-${magic}-snappy`, 20],
      ['in lz4, whose frames have a wrong header checksum in format 0', `magic-${magic}-lz4`, 20],
    ])('%s: every record, key, value and time', (_, name, count) => {
      const decoded = decodeRecordSet(recordSet(name), BASE_OFFSET, []);
      expect(decoded).toEqual({
        records: expected(count),
        next: BASE_OFFSET + BigInt(count),
        leaderEpoch: -1,
        gaps: [],
      });
    });

    it('from the middle of a compressed set on', () => {
      const decoded = decodeRecordSet(recordSet(`magic-${magic}-gzip`), BASE_OFFSET + 7n, []);
      expect(decoded.records).toEqual(expected(20).slice(7));
    });

    it('over the limit of what a batch may be when decompressed are a codec gap', () => {
      const decoded = decodeRecordSet(recordSet(`magic-${magic}-gzip`), BASE_OFFSET, [], createCodecs(1_000));
      const next = BASE_OFFSET + 20n;
      expect(decoded).toMatchObject({ records: [], gaps: [{ from: BASE_OFFSET, to: next }], next });
      expect(decoded.gaps[0]!.reason).toBe('codec');
    });

    it('before record batches in the same answer', async () => {
      const old = recordSet(`magic-${magic}-lz4`);
      const set = Buffer.concat([old, await batch(BASE_OFFSET + 20n, ['a'])]);
      const decoded = decodeRecordSet(set, BASE_OFFSET, []);
      expect(decoded).toMatchObject({ next: BASE_OFFSET + 20n, leaderEpoch: -1, gaps: [] });
      expect(decoded.records).toHaveLength(20);
      // Another leader epoch, so another read.
      const rest = decodeRecordSet(set, decoded.next, []);
      expect(rest).toMatchObject({ next: BASE_OFFSET + 21n, leaderEpoch: 0, gaps: [] });
      expect(rest.records).toHaveLength(1);
    });

    const message = (offset: bigint, value: Buffer | null = Buffer.from('v'), codec: 0 | 1 = 0) =>
      encodeMessage(magic, { offset, timestampMs: 5, key: null, value, codec });

    it.each([
      ['with a wrong checksum', () => spoiled(message(11n)), 'checksum'],
      ['without a value to decompress', () => message(11n, null, 1), 'value'],
      ['that hold nothing', () => message(11n, gzipSync(''), 1), 'none'],
      ['that hold half a message', () => message(11n, gzipSync(message(0n).subarray(0, 20)), 1), 'past'],
      [
        'that hold a compressed message',
        () => message(11n, gzipSync(message(0n, gzipSync('x'), 1)), 1),
        'within',
      ],
      [
        'that hold a message with a wrong checksum',
        () => message(11n, gzipSync(spoiled(message(0n))), 1),
        'checksum',
      ],
      [
        'that hold offsets which do not ascend',
        () => message(11n, gzipSync(Buffer.concat([message(1n), message(1n)])), 1),
        'ascend',
      ],
      ['that hold what lies behind them', () => message(11n, gzipSync(message(12n)), 1), 'behind'],
    ])('%s are a corrupt gap, and the reading goes on', (_, spoil, detail) => {
      const decoded = decodeRecordSet(Buffer.concat([message(10n), spoil(), message(12n)]), 10n, []);
      expect(decoded).toMatchObject({
        gaps: [{ from: 11n, to: 12n, reason: 'corrupt', detail: expect.stringContaining(detail) }],
        next: 13n,
      });
      expect(offsets(decoded)).toEqual([10, 12]);
    });

    it('with a wrong checksum hide no record of a compressed set behind them', () => {
      const set = encodeMessageSet(magic, [
        { offset: 12n, timestampMs: 5, key: null, value: Buffer.from('a') },
        { offset: 15n, timestampMs: 5, key: null, value: Buffer.from('b') },
      ]);
      const decoded = decodeRecordSet(Buffer.concat([message(10n), spoiled(message(11n)), set]), 10n, []);
      expect(offsets(decoded)).toEqual([10, 12, 15]);
      expect(decoded).toMatchObject({ gaps: [{ from: 11n, to: 12n }], next: 16n });
    });
  });

  it('log append time of format 1: the broker’s time, not the producer’s', () => {
    const set = recordSet('magic-1-log-append-time');
    const stamped = Number(set.readBigInt64BE(18));
    const decoded = decodeRecordSet(set, 7n, []);
    expect(decoded.records.map((record) => record.timestampMs)).toEqual([stamped, stamped]);
    expect(stamped).toBeGreaterThan(BASE_TIME_MS + 5);
  });
});

function spoiled(message: Buffer): Buffer {
  const copy = Buffer.from(message);
  copy[copy.length - 1]! ^= 1;
  return copy;
}

describe('a batch that was turned into an older message by a flipped bit', () => {
  it('is a gap up to the batch after it', async () => {
    const set = await tenBatches();
    set.writeInt8(1, batchStarts(set)[3]! + 16);
    const decoded = decodeRecordSet(set, 100n, []);
    expect(decoded).toMatchObject({ gaps: [{ from: 106n, to: 108n, reason: 'corrupt' }], next: 120n });
    expect(offsets(decoded)).toHaveLength(18);
  });
});

describe('where reading begins and ends', () => {
  it('drops what lies before the fetch offset', async () => {
    const decoded = decodeRecordSet(await tenBatches(), 103n, []);
    expect(offsets(decoded)).toEqual([103, 104, 105, ...Array.from({ length: 14 }, (_, i) => 106 + i)]);
    expect(decoded).toMatchObject({ next: 120n, gaps: [] });
  });

  it('leaves a batch that is cut short for the next fetch', async () => {
    const set = await tenBatches();
    const [, second, third] = batchStarts(set) as [number, number, number];
    for (let length = second; length < third; length++) {
      expect(decodeRecordSet(set.subarray(0, length), 100n, [])).toMatchObject({ next: 102n, gaps: [] });
    }
  });

  it('moves nothing without a complete batch', async () => {
    const set = await tenBatches();
    expect(decodeRecordSet(Buffer.alloc(0), 100n, [])).toEqual({
      records: [],
      next: 100n,
      leaderEpoch: -1,
      gaps: [],
    });
    expect(decodeRecordSet(set.subarray(0, 60), 100n, [])).toEqual({
      records: [],
      next: 100n,
      leaderEpoch: -1,
      gaps: [],
    });
  });

  it('passes the offsets that compaction emptied at the end of a batch, and batches it emptied whole', async () => {
    const set = Buffer.concat([
      await batch(10n, ['a'], { lastOffsetDelta: 9 }),
      await batch(20n, [], { lastOffsetDelta: 4, codec: 1 }),
    ]);
    const decoded = decodeRecordSet(set, 0n, []);
    expect(offsets(decoded)).toEqual([10]);
    expect(decoded).toMatchObject({ next: 25n, gaps: [] });
  });

  it('keeps offsets above 2^53 exact', async () => {
    const base = 2n ** 60n + 1n;
    const decoded = decodeRecordSet(await batch(base, ['a', 'b', 'c']), base + 1n, []);
    expect(decoded.records.map((record) => record.offset)).toEqual([base + 1n, base + 2n]);
    expect(decoded.next).toBe(base + 3n);
  });

  it('gives views of the answer, no copies', async () => {
    const set = await batch(0n, ['value']);
    expect(decodeRecordSet(set, 0n, []).records[0]?.value?.buffer).toBe(set.buffer);
  });
});

describe('what cannot be read', () => {
  it('is a gap over one batch; those around it are read', async () => {
    const set = await tenBatches();
    set[batchStarts(set)[3]! + 65]! ^= 1;
    const decoded = decodeRecordSet(set, 100n, []);
    expect(decoded.gaps).toEqual([
      { from: 106n, to: 108n, reason: 'corrupt', detail: expect.stringContaining('checksum') },
    ]);
    expect(offsets(decoded)).toEqual([
      100,
      101,
      102,
      103,
      104,
      105,
      ...Array.from({ length: 12 }, (_, i) => 108 + i),
    ]);
    expect(decoded.next).toBe(120n);
  });

  it('begins at the fetch offset when its batch began before', async () => {
    const set = await batch(100n, ['a', 'b', 'c']);
    set[set.length - 1]! ^= 1;
    expect(decodeRecordSet(set, 101n, [])).toMatchObject({ gaps: [{ from: 101n, to: 103n }], next: 103n });
  });

  it('joins with its neighbour', async () => {
    const set = await tenBatches();
    for (const start of batchStarts(set).slice(4, 7)) set[start + 65]! ^= 1;
    expect(decodeRecordSet(set, 100n, []).gaps).toMatchObject([{ from: 108n, to: 114n, reason: 'corrupt' }]);
  });

  it.each([0x7f_ff_ff_ff, -1, 0])('may say %d as its last offset without harm', async (lastOffsetDelta) => {
    const set = await tenBatches();
    const last = batchStarts(set)[9]!;
    set.writeInt32BE(lastOffsetDelta, batchStarts(set)[3]! + 23);
    const inTheMiddle = decodeRecordSet(set, 100n, []);
    expect(inTheMiddle).toMatchObject({ gaps: [{ from: 106n, to: 108n }], next: 120n });
    expect(offsets(inTheMiddle)).toHaveLength(18);

    const atTheEnd = await tenBatches();
    atTheEnd.writeInt32BE(lastOffsetDelta, last + 23);
    const { next } = decodeRecordSet(atTheEnd, 100n, [], createCodecs(), 120n);
    expect(next).toBeGreaterThan(118n);
    expect(next).toBeLessThanOrEqual(120n);
  });

  it.each([
    ['an unknown codec', 5, 'unknown codec 5'],
    ['what is not gzip', 1, 'header'],
    ['what is not snappy', 2, 'snappy'],
    ['what is not lz4', 3, 'lz4'],
    ['what is not zstd', 4, ''],
  ])('is a codec gap: %s', async (_, codec, detail) => {
    const set = await tenBatches();
    const start = batchStarts(set)[3]!;
    set.writeInt16BE(codec, start + 21);
    seal(set, start);
    const decoded = decodeRecordSet(set, 100n, []);
    expect(decoded.gaps).toEqual([
      { from: 106n, to: 108n, reason: 'codec', detail: expect.stringContaining(detail) },
    ]);
    expect(offsets(decoded)).toHaveLength(18);
    expect(decoded.next).toBe(120n);
  });

  it('is a codec gap when it is over the limit', () => {
    const decoded = decodeRecordSet(recordSet('gzip'), BASE_OFFSET, [], createCodecs(10_000));
    expect(decoded).toMatchObject({
      records: [],
      gaps: [{ from: BASE_OFFSET, to: BASE_OFFSET + 300n, reason: 'codec' }],
      next: BASE_OFFSET + 300n,
    });
  });

  it.each([
    ['more records than it says', 57, 1],
    ['fewer records than it says', 57, 3],
    ['a negative number of records', 57, -1],
    ['records past its last offset', 23, 0],
  ])('is corrupt with a right checksum too: %s', async (_, field, value) => {
    const set = await batch(100n, ['a', 'b']);
    set.writeInt32BE(value, field);
    seal(set);
    const to = field === 23 ? 101n : 102n;
    expect(decodeRecordSet(set, 100n, [])).toMatchObject({
      records: [],
      gaps: [{ from: 100n, to, reason: 'corrupt' }],
      next: to,
    });
  });

  it('is corrupt when a record is longer than it says', async () => {
    const set = await batch(100n, ['abc']);
    set[61]! -= 2; // the record's length, zig-zag: one byte less
    seal(set);
    expect(decodeRecordSet(set, 100n, [])).toMatchObject({
      records: [],
      gaps: [{ from: 100n, to: 101n, reason: 'corrupt', detail: expect.stringContaining('length') }],
    });
  });

  it.each<[string, (set: Buffer, at: number) => void]>([
    ['a negative length', (set, at) => set.writeInt32BE(-5, at + 8)],
    ['a length below the header’s', (set, at) => set.writeInt32BE(48, at + 8)],
    ['a future format', (set, at) => set.writeInt8(3, at + 16)],
    ['a negative offset', (set, at) => set.writeBigInt64BE(-1n, at)],
  ])(
    'ends the reading when its header makes no sense (%s), and costs one offset when it comes first',
    async (_, spoil) => {
      const set = await tenBatches();
      const start = batchStarts(set)[3]!;
      spoil(set, start);
      expect(decodeRecordSet(set, 100n, [])).toMatchObject({ next: 106n, gaps: [] });
      expect(decodeRecordSet(set.subarray(start), 106n, [])).toMatchObject({
        records: [],
        next: 107n,
        gaps: [{ from: 106n, to: 107n, reason: 'corrupt' }],
      });
    },
  );
});
