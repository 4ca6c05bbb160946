import { GatewayError } from '../../../../src/errors';
import { decodeFetchResponse } from '../../../../src/eventlog/kafka/fetch-response';

// kafkajs's own encoder; it has no types.
const Encoder = require('kafkajs/src/protocol/encoder');

const recordSet = Buffer.from('not looked into');

interface PartitionAnswer {
  partition: number;
  errorCode?: number;
  aborted?: { producerId: number; firstOffset: number }[] | null;
  recordSet?: Buffer | null;
}

function partitionAnswer(answer: PartitionAnswer) {
  const encoder = new Encoder()
    .writeInt32(answer.partition)
    .writeInt16(answer.errorCode ?? 0)
    .writeInt64(1_000)
    .writeInt64(900)
    .writeInt64(10);
  const aborted = answer.aborted;
  if (aborted == null) encoder.writeInt32(-1);
  else {
    encoder.writeInt32(aborted.length);
    for (const { producerId, firstOffset } of aborted) encoder.writeInt64(producerId).writeInt64(firstOffset);
  }
  return encoder.writeInt32(-1).writeBytes(answer.recordSet ?? null);
}

function body(topics: Record<string, PartitionAnswer[]>): Buffer {
  return new Encoder()
    .writeInt32(25)
    .writeInt16(0)
    .writeInt32(0)
    .writeArray(
      Object.entries(topics).map(([topic, partitions]) =>
        new Encoder().writeString(topic).writeArray(partitions.map(partitionAnswer)),
      ),
    ).buffer;
}

describe('decodeFetchResponse', () => {
  it('reads topics, partitions and record sets', () => {
    const answer = decodeFetchResponse(
      body({
        'events-topic': [
          { partition: 0, recordSet },
          { partition: 2, aborted: [{ producerId: 7, firstOffset: 3 }], recordSet: Buffer.alloc(0) },
        ],
        тема: [{ partition: 1, errorCode: 6, aborted: [], recordSet: null }],
      }),
    );
    const bounds = { highWatermark: 1_000n, lastStableOffset: 900n, logStart: 10n };
    expect(answer).toEqual({
      throttleMs: 25,
      errorCode: 0,
      partitions: [
        { topic: 'events-topic', partition: 0, errorCode: 0, ...bounds, abortedTransactions: [], recordSet },
        {
          topic: 'events-topic',
          partition: 2,
          errorCode: 0,
          ...bounds,
          abortedTransactions: [{ producerId: 7n, firstOffset: 3n }],
          recordSet: Buffer.alloc(0),
        },
        {
          topic: 'тема',
          partition: 1,
          errorCode: 6,
          ...bounds,
          abortedTransactions: [],
          recordSet: Buffer.alloc(0),
        },
      ],
    });
  });

  it('does not copy the records', () => {
    const bytes = body({ t: [{ partition: 0, recordSet }] });
    expect(decodeFetchResponse(bytes).partitions[0]?.recordSet.buffer).toBe(bytes.buffer);
  });

  it('refuses a body wherever it is cut short', () => {
    const bytes = body({ t: [{ partition: 0, aborted: [{ producerId: 7, firstOffset: 3 }], recordSet }] });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeFetchResponse(bytes.subarray(0, length))).toThrow(GatewayError);
    }
  });
});
