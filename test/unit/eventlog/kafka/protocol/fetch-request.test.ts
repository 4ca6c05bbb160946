import { fetchRequest } from '../../../../../src/eventlog/kafka/protocol/fetch-request';

const { decode } = fetchRequest([], { maxWaitMs: 0, maxBytes: 1, partitionBytes: 1 });

// kafkajs's own encoder; it has no types.
const Encoder = require('kafkajs/src/protocol/encoder');

const recordSet = Buffer.from('not looked into');

interface PartitionAnswer {
  partition: number;
  errorCode?: number;
  aborted?: { producerId: number; firstOffset: number }[] | null;
  recordSet?: Buffer | null;
  diverging?: { leaderEpoch: number; endOffset: number };
}

function partitionAnswer(answer: PartitionAnswer) {
  const encoder = new Encoder()
    .writeInt32(answer.partition)
    .writeInt16(answer.errorCode ?? 0)
    .writeInt64(1_000)
    .writeInt64(900)
    .writeInt64(10);
  const { aborted, diverging, recordSet = null } = answer;
  encoder.writeUVarInt(aborted == null ? 0 : aborted.length + 1);
  for (const { producerId, firstOffset } of aborted ?? [])
    encoder.writeInt64(producerId).writeInt64(firstOffset).writeUVarInt(0);
  encoder.writeInt32(-1).writeUVarInt(recordSet === null ? 0 : recordSet.length + 1);
  if (recordSet !== null) encoder.writeBuffer(recordSet);
  // Another tagged field, of another length, comes before and after the one that is read.
  const current = (tag: number) => encoder.writeUVarInt(tag).writeUVarInt(9).writeBuffer(Buffer.alloc(9, 1));
  if (diverging === undefined) return encoder.writeUVarInt(0);
  encoder.writeUVarInt(2).writeUVarInt(0).writeUVarInt(13);
  encoder.writeInt32(diverging.leaderEpoch).writeInt64(diverging.endOffset).writeUVarInt(0);
  return current(1);
}

function body(topics: Record<string, PartitionAnswer[]>): Buffer {
  const encoder = new Encoder().writeUVarInt(0).writeInt32(25).writeInt16(0).writeInt32(0);
  const entries = Object.entries(topics);
  encoder.writeUVarInt(entries.length + 1);
  for (const [topic, partitions] of entries) {
    encoder.writeUVarIntString(topic).writeUVarInt(partitions.length + 1);
    for (const answer of partitions) encoder.writeEncoder(partitionAnswer(answer));
    encoder.writeUVarInt(0);
  }
  return encoder.writeUVarInt(0).buffer;
}

/** By name: what a Buffer throws is not of the test's own realm. */
function faultOf(bytes: Buffer): string | null {
  try {
    decode(bytes);
    return null;
  } catch (error) {
    return (error as Error).name;
  }
}

describe('the answer to a fetch', () => {
  it('reads topics, partitions and record sets', () => {
    const answer = decode(
      body({
        'events-topic': [
          { partition: 0, recordSet },
          { partition: 2, aborted: [{ producerId: 7, firstOffset: 3 }], recordSet: Buffer.alloc(0) },
        ],
        тема: [
          { partition: 1, errorCode: 6, aborted: [], recordSet: null },
          { partition: 3, diverging: { leaderEpoch: 4, endOffset: 12 } },
        ],
      }),
    );
    const bounds = { highWatermark: 1_000n, lastStableOffset: 900n, logStart: 10n };
    expect(answer).toEqual({
      throttleMs: 25,
      errorCode: 0,
      partitions: [
        {
          topic: 'events-topic',
          partition: 0,
          errorCode: 0,
          ...bounds,
          abortedTransactions: [],
          diverging: null,
          recordSet,
        },
        {
          topic: 'events-topic',
          partition: 2,
          errorCode: 0,
          ...bounds,
          abortedTransactions: [{ producerId: 7n, firstOffset: 3n }],
          diverging: null,
          recordSet: Buffer.alloc(0),
        },
        {
          topic: 'тема',
          partition: 1,
          errorCode: 6,
          ...bounds,
          abortedTransactions: [],
          diverging: null,
          recordSet: Buffer.alloc(0),
        },
        {
          topic: 'тема',
          partition: 3,
          errorCode: 0,
          ...bounds,
          abortedTransactions: [],
          diverging: { leaderEpoch: 4, endOffset: 12n },
          recordSet: Buffer.alloc(0),
        },
      ],
    });
  });

  it('does not copy the records', () => {
    const bytes = body({ t: [{ partition: 0, recordSet }] });
    expect(decode(bytes).partitions[0]?.recordSet.buffer).toBe(bytes.buffer);
  });

  it('refuses a body wherever it is cut short', () => {
    const bytes = body({ t: [{ partition: 0, aborted: [{ producerId: 7, firstOffset: 3 }], recordSet }] });
    for (let length = 0; length < bytes.length; length++) {
      expect(faultOf(bytes.subarray(0, length))).toBe('RangeError');
    }
  });

  it('refuses a tagged field that is longer than the body', () => {
    const bytes = body({ t: [] });
    const claims = Buffer.concat([bytes.subarray(0, -1), Buffer.from([1, 5, 100])]);
    expect(faultOf(claims)).toBe('RangeError');
  });
});
