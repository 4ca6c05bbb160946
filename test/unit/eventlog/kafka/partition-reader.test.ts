import type { LogGap, RecordBatch, TailListener } from '../../../../src/eventlog/event-log';
import { PartitionReader } from '../../../../src/eventlog/kafka/partition-reader';
import { encodeRecordBatch } from '../../../../src/eventlog/kafka/record-encoder';

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
    onTruncated: unexpected,
    onPartitions: unexpected,
    onRecords: ({ records, next }: RecordBatch) =>
      calls.push(`${records.map(({ value }) => String(value)).join(',')} to ${next}`),
    onGap: ({ from, to, reason }: LogGap) => calls.push(`${reason} ${from}-${to}`),
  };
  return { listener, calls };
}

function batchAt(baseOffset: bigint, values: readonly string[]): Buffer {
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), headers: [] }));
  const batch = encodeRecordBatch(records, 0);
  batch.writeBigInt64BE(baseOffset, 0);
  return batch;
}

const fetched = (recordSet: Buffer) => ({
  topic: 't',
  partition: 0,
  errorCode: 0,
  highWatermark: 100n,
  lastStableOffset: 100n,
  logStart: 0n,
  abortedTransactions: [],
  recordSet,
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
