import type { LogGap, RecordBatch, TailListener } from '../../../../src/eventlog/event-log';
import { PartitionReader } from '../../../../src/eventlog/kafka/partition-reader';
import type { FetchedPartition } from '../../../../src/eventlog/kafka/protocol/fetch-request';
import { LEADER_EPOCH_AT } from '../../../../src/eventlog/kafka/protocol/record-batch';
import { encodeRecordBatch } from '../../../../src/eventlog/kafka/protocol/record-encoder';

const BOUNDS = { topic: 't', partition: 0, topicId: '00', logStart: 0n, logEnd: 0n };

const logger = { debug: jest.fn(), info: jest.fn(), warn: jest.fn(), error: jest.fn() };

function recorder() {
  const calls: string[] = [];
  const unexpected = () => {
    throw new Error('an unexpected call');
  };
  const listener: TailListener = {
    onStart: unexpected,
    onReset: unexpected,
    onTruncated: ({ to }) => calls.push(`truncated to ${to}`),
    onPartitions: unexpected,
    onRecords: ({ records, next }: RecordBatch) => {
      calls.push(`${records.map(({ value }) => String(value)).join(',')} to ${next}`);
      return null;
    },
    onGap: ({ from, to, reason }: LogGap) => calls.push(`${reason} ${from}-${to}`),
  };
  return { listener, calls };
}

function batchAt(baseOffset: bigint, values: readonly string[], leaderEpoch = 0): Buffer {
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), headers: [] }));
  const batch = encodeRecordBatch(records, 0);
  batch.writeBigInt64BE(baseOffset, 0);
  batch.writeInt32BE(leaderEpoch, LEADER_EPOCH_AT);
  return batch;
}

const fetched = (recordSet: Buffer, diverging: FetchedPartition['diverging'] = null): FetchedPartition => ({
  topic: 't',
  partition: 0,
  errorCode: 0,
  highWatermark: 100n,
  lastStableOffset: 100n,
  logStart: 0n,
  abortedTransactions: [],
  diverging,
  recordSet,
});

const diverged = (leaderEpoch: number, endOffset: bigint) =>
  fetched(Buffer.alloc(0), { leaderEpoch, endOffset });

afterEach(() => jest.useRealTimers());

it('goes back to the first record that its listener cannot take, and says what it waits for', () => {
  const { listener, calls } = recorder();
  let waitsFor: string | null = null;
  let isWaiting = true;
  const reader = new PartitionReader({
    bounds: BOUNDS,
    position: 0n,
    listener: {
      ...listener,
      onRecords: (batch) => {
        const at = batch.records.findIndex(({ value }) => String(value) === 'c');
        if (!isWaiting || at < 0) return listener.onRecords(batch);
        const { offset: from } = batch.records[at]!;
        if (at > 0) listener.onRecords({ ...batch, records: batch.records.slice(0, at), next: from });
        return { from, detail: waitsFor };
      },
    },
    logger,
  });
  const set = Buffer.concat([batchAt(0n, ['a', 'b', 'c', 'd']), batchAt(4n, ['e'])]);
  expect(reader.take(fetched(set))).toBe(false);
  expect(calls).toEqual(['a,b to 2']);
  expect(reader.status()).toMatchObject({ position: 2n, highWatermark: 100n, read: { state: 'ok' } });
  waitsFor = 'a schema';
  for (let i = 0; i < 2; i++) {
    reader.fetched();
    expect(reader.take(fetched(set))).toBe(false);
    expect(reader.status()).toMatchObject({ position: 2n, read: { state: 'waiting', detail: 'a schema' } });
  }
  isWaiting = false;
  reader.fetched();
  expect(reader.take(fetched(set))).toBe(true);
  expect(calls).toEqual(['a,b to 2', 'c,d,e to 5']);
  expect(reader.status()).toMatchObject({ position: 5n, read: { state: 'ok', detail: null } });
});

it('tells records and gaps in the order of their offsets', () => {
  const { listener, calls } = recorder();
  const reader = new PartitionReader({ bounds: BOUNDS, position: 0n, listener, logger });
  const broken = batchAt(2n, ['c', 'd']);
  broken.writeUInt32BE(0, 17);
  reader.take(fetched(Buffer.concat([batchAt(0n, ['a', 'b']), broken, batchAt(4n, ['e'])])));
  expect(calls).toEqual(['a,b to 2', 'corrupt 2-4', 'e to 5']);
  expect(reader.position).toBe(5n);
  expect(logger.warn).toHaveBeenCalledTimes(1);
});

it('moves on across a hole in the offsets, and stays where it is without a complete batch', () => {
  const { listener, calls } = recorder();
  const reader = new PartitionReader({ bounds: BOUNDS, position: 3n, listener, logger });
  reader.take(fetched(batchAt(7n, ['x'])));
  reader.take(fetched(Buffer.alloc(0)));
  reader.take(fetched(batchAt(8n, ['cut short']).subarray(0, 70)));
  expect(calls).toEqual(['x to 8']);
  expect(reader.status()).toMatchObject({ position: 8n, highWatermark: 100n });
});

it('goes back to where it is of one log with the leader, epoch by epoch', () => {
  const { listener, calls } = recorder();
  const reader = new PartitionReader({ bounds: BOUNDS, position: 0n, listener, logger });
  expect(reader.lastFetchedEpoch).toBe(-1);
  reader.take(fetched(Buffer.concat([batchAt(0n, ['a', 'b'], 1), batchAt(2n, ['c', 'd'], 4)])));
  reader.take(fetched(batchAt(4n, ['e', 'f', 'g'], 6)));
  expect(reader.lastFetchedEpoch).toBe(6);
  // The leader has some of the same epoch.
  reader.take(diverged(6, 6n));
  expect([reader.position, reader.lastFetchedEpoch]).toEqual([6n, 6]);
  // It has none of it, and of an epoch before more than was read of that.
  reader.take(diverged(5, 9n));
  expect([reader.position, reader.lastFetchedEpoch]).toEqual([4n, 4]);
  // It has nothing of that one either, and less of the one before.
  reader.take(diverged(1, 1n));
  expect([reader.position, reader.lastFetchedEpoch]).toEqual([1n, 1]);
  reader.take(fetched(batchAt(1n, ['B'], 7)));
  expect(reader.lastFetchedEpoch).toBe(7);
  expect(calls).toEqual([
    'a,b to 2',
    'c,d to 4',
    'e,f,g to 7',
    'truncated to 6',
    'truncated to 4',
    'truncated to 1',
    'B to 2',
  ]);
});

it('stays where it is, and asks no more, when the leader’s word on epochs says nothing of what was read', () => {
  const { listener, calls } = recorder();
  const reader = new PartitionReader({ bounds: BOUNDS, position: 0n, listener, logger });
  reader.take(fetched(batchAt(0n, ['a', 'b'], 3)));
  reader.take(diverged(3, 2n));
  expect([reader.position, reader.lastFetchedEpoch]).toEqual([2n, -1]);
  expect(calls).toEqual(['a,b to 2']);
});

it('never tells records of two leader epochs together', () => {
  const { listener, calls } = recorder();
  const epochs: number[] = [];
  const reader = new PartitionReader({
    bounds: BOUNDS,
    position: 0n,
    listener: {
      ...listener,
      onRecords(batch) {
        epochs.push(batch.leaderEpoch);
        return listener.onRecords(batch);
      },
    },
    logger,
  });
  const broken = batchAt(2n, ['x'], 2);
  broken.writeUInt32BE(0, 17);
  reader.take(
    fetched(
      Buffer.concat([batchAt(0n, ['a', 'b'], 1), broken, batchAt(3n, ['c'], 2), batchAt(4n, ['d'], 5)]),
    ),
  );
  expect(calls).toEqual(['a,b to 2', 'corrupt 2-3', 'c to 4', 'd to 5']);
  expect(epochs).toEqual([1, 2, 5]);
});

it('says since when an open transaction holds it back, anew when the stable offset has moved', () => {
  jest.useFakeTimers({ now: 1_000 });
  const { listener } = recorder();
  const reader = new PartitionReader({ bounds: BOUNDS, position: 0n, listener, logger });
  const sinceAfter = (lastStableOffset: bigint, highWatermark: bigint) => {
    jest.advanceTimersByTime(1_000);
    reader.take({ ...fetched(Buffer.alloc(0)), lastStableOffset, highWatermark });
    const { heldBackSince } = reader.status();
    return heldBackSince === null ? null : Date.parse(heldBackSince);
  };
  expect(sinceAfter(5n, 5n)).toBeNull();
  expect(sinceAfter(5n, 6n)).toBe(3_000);
  expect(sinceAfter(5n, 9n)).toBe(3_000);
  expect(sinceAfter(7n, 9n)).toBe(5_000);
  // A leader that has just been elected does not know it yet.
  expect(sinceAfter(-1n, 9n)).toBeNull();
  expect(sinceAfter(7n, 9n)).toBe(7_000);
  expect(sinceAfter(9n, 9n)).toBeNull();
});
