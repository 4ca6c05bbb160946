import { murmur2, partitionOf } from '../../../../../src/eventlog/kafka/protocol/partitioner';

/** From Kafka's own test of murmur2 (clients, UtilsTest.java). */
const VECTORS: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
];

it.each(VECTORS)('murmur2 of %s is what Kafka’s clients compute', (key, hash) => {
  expect(murmur2(Buffer.from(key))).toBe(hash);
});

it('a partition is the hash without its sign, modulo the count', () => {
  for (const [key, hash] of VECTORS) {
    for (const count of [1, 3, 12]) {
      expect(partitionOf(Buffer.from(key), count)).toBe((hash & 0x7fffffff) % count);
    }
  }
});
