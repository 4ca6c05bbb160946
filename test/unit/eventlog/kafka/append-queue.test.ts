import { AppendQueue } from '../../../../src/eventlog/kafka/append-queue';

function queued(bytes: number, deadlineMs = 0) {
  return {
    record: { key: null, value: Buffer.alloc(0), headers: [] },
    bytes,
    deadlineMs,
    onSettled: () => undefined,
    settled: false,
  };
}

function queueOf(...entries: ReturnType<typeof queued>[]) {
  const tally = { records: 0, bytes: 0 };
  const queue = new AppendQueue(tally);
  for (const entry of entries) queue.push(entry);
  return { queue, tally };
}

const sizes = (taken: readonly { bytes: number }[]) => taken.map(({ bytes }) => bytes);

it('gives batches in order, bounded by records and bytes, at least one record', () => {
  const { queue, tally } = queueOf(...[1, 1, 1, 900, 1, 1].map((bytes) => queued(bytes)));
  expect(tally).toEqual({ records: 6, bytes: 905 });
  expect(sizes(queue.take(2, 100))).toEqual([1, 1]);
  expect(sizes(queue.take(10, 100))).toEqual([1]);
  expect(sizes(queue.take(10, 100))).toEqual([900]);
  expect(sizes(queue.take(10, 2))).toEqual([1, 1]);
  expect([queue.take(10, 100), tally]).toEqual([[], { records: 0, bytes: 0 }]);
});

it('gives up what is past its deadline and keeps the rest', () => {
  const { queue, tally } = queueOf(queued(1, 10), queued(2, 20), queued(3, 30));
  expect(sizes(queue.takeExpired(9))).toEqual([]);
  expect(sizes(queue.takeExpired(20))).toEqual([1, 2]);
  expect([queue.oldest?.bytes, queue.length, tally]).toEqual([3, 1, { records: 1, bytes: 3 }]);
  expect(sizes(queue.takeExpired(Number.POSITIVE_INFINITY))).toEqual([3]);
  expect(queue.oldest).toBeUndefined();
});
