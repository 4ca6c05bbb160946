import fc from 'fast-check';
import { createIdLines, type IdLines } from '../../../src/events/id-lines';
import { PartitionSlots } from '../../../src/events/partition-slots';
import { Positions } from '../../../src/hub/positions';
import { clusterHash, parseCursor, topicDigest } from '../../../src/wire/cursor';
import { sinceTime } from '../../../src/wire/since-time';

const TOPICS = ['a', 'b', 'c'];
const cluster = clusterHash('test');

type Step =
  | { do: 'read'; slot: number; by: number; newEpoch: boolean }
  /** A stream that is elsewhere asks. */
  | { do: 'ask'; slot: number; back: number }
  | { do: 'truncate'; slot: number; count: number }
  | { do: 'grow'; topic: number; isTime: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      slot: fc.nat(),
      by: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 70_000 })),
      newEpoch: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('ask' as const), slot: fc.nat(), back: fc.nat(100) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('truncate' as const), slot: fc.nat(), count: fc.nat(50) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('grow' as const), topic: fc.nat(2), isTime: fc.boolean() }),
  },
);

function partition(topic: string, number: number, start: bigint) {
  return { topic, digest: topicDigest(topic), partition: number, start };
}

describe('the lines of ids', () => {
  it('say what they would say when they were made anew, whatever has changed since the last one', () => {
    let followed = 0;
    const start = fc.bigInt({ min: 0n, max: 300n });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...TOPICS), start), { minLength: 1, maxLength: 70 }),
        fc.subarray(TOPICS, { minLength: 1 }),
        fc.array(step, { maxLength: 60 }),
        (partitions, names, steps) => {
          const counts = new Map<string, number>();
          const nextOf = (topic: string) => {
            const number = counts.get(topic) ?? 0;
            counts.set(topic, number + 1);
            return number;
          };
          const slots = new PartitionSlots(
            partitions.map(([topic, own]) => partition(topic, nextOf(topic), own)),
          );
          const named = new Set(names);
          const epochs = new Map<number, number>();
          let positions = Positions.of(
            Array.from({ length: slots.size }, (_, slot) => slots.partitionOf(slot).start),
          );
          /** Of a stream whose client is further, or further back, in some slots. */
          const elsewhere = new Map<number, bigint>();
          const noted = [positions];
          const gatewayLines = createIdLines(named);
          const streamLines = createIdLines(named);
          const check = (lines: IdLines, asked: Positions) => {
            const line = lines.lineOf({ cluster, slots }, asked);
            const topics = slots
              .byTopic(asked, named)
              .map((one) => ({ key: one.key, positions: one.positions, epochs: one.epochs }));
            expect(parseCursor(line.id)).toEqual({ cluster, topics, isScoped: true });
            return line;
          };
          let last = check(gatewayLines, positions);
          for (const one of steps) {
            if (one.do === 'grow') {
              const topic = TOPICS[one.topic]!;
              const at = one.isTime ? sinceTime(1_000) : 5n;
              slots.add([partition(topic, nextOf(topic), at)]);
              positions = positions.concat([at]);
            } else if (one.do === 'ask') {
              const slot = one.slot % slots.size;
              const from = positions.at(slot)!;
              const own = from + BigInt(50 - one.back);
              if (from >= 0n) elsewhere.set(slot, own < 0n ? 0n : own);
              check(streamLines, noted[one.slot % noted.length]!);
            } else {
              // Only the last slot of a partition gets records.
              const found = slots.partitionOf(one.slot % slots.size);
              const slot = slots.slotOf(found.topic, found.partition);
              const from = positions.at(slot)!;
              if (from < 0n) continue;
              if (one.do === 'truncate') {
                const to = from > BigInt(one.count) ? from - BigInt(one.count) : 0n;
                const added = slots.truncate(slot, to);
                positions = positions.concat([to]);
                epochs.set(added, epochs.get(slot) ?? 0);
              } else {
                const epoch = (epochs.get(slot) ?? 0) + (one.newEpoch ? 1 : 0);
                epochs.set(slot, epoch);
                const next = from + BigInt(one.by);
                slots.noteEpoch(slot, { from, first: from, next, leaderEpoch: epoch });
                positions = positions.with(slot, next);
              }
            }
            noted.push(positions);
            let stream = positions;
            for (const [slot, own] of elsewhere) stream = stream.with(slot, own);
            check(streamLines, stream);
            const line = check(gatewayLines, positions);
            if (line === last) followed++;
            last = line;
          }
        },
      ),
      { numRuns: 400 },
    );
    // Rare means untested.
    expect(followed).toBeGreaterThan(400);
  });
});
