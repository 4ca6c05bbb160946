import { plainTopic } from '../../../src/config/topic-settings';
import { originOf } from '../../../src/events/record-origin';
import { createTopic } from '../../../src/events/topic-map';
import { Positions } from '../../../src/hub/positions';
import { createEntry, Ring } from '../../../src/hub/ring';
import { createSubscription } from '../../../src/hub/subscription';
import { createLastMatches } from '../../../src/sse/last-matches';

const ALL = createSubscription({ channels: ['/'] });
const A = createSubscription({ channels: ['/a'] });
const TOPIC = createTopic(plainTopic('t'));
const SHOWN = { reason: null, unmapped: null };
const START_MS = Date.UTC(2026, 0, 1);
const MISSING = -1 - START_MS;

/** A ring of two partitions, and the floor of who gets the newest records. */
function createFixture(records = 100, ringBytes = 1 << 20) {
  const ring = new Ring({ records, bytes: ringBytes });
  ring.restart(Positions.of([0n, 0n]));
  const matches = createLastMatches(ring);
  const bytes = Buffer.from('x\n');
  return {
    ring,
    /** Reads one record of a partition for each time. */
    read(slot: number, timesMs: readonly number[], channel = '/a') {
      for (const timeMs of timesMs) {
        const offset = ring.positions.at(slot)!;
        const record = { offset, timestampMs: START_MS + timeMs, key: null, value: bytes, headers: [] };
        const origin = originOf(record, { topic: 't', partition: slot }, TOPIC, false, SHOWN);
        const entry = createEntry(
          { bytes, bodyEnd: 1 },
          { channel, event: null, isOwn: false },
          slot,
          origin,
        );
        ring.append(entry, ring.positions.with(slot, offset + 1n));
      }
    },
    floor(count: number, subscription = ALL) {
      const floor = matches.floorOf(subscription, count);
      return [0, 1].map((slot) => Number(ring.positionIn(floor, slot)));
    },
  };
}

describe('the newest N', () => {
  it('are the newest by time, however the partitions were read', () => {
    const { read, floor } = createFixture();
    read(0, [10, 20, 30, 40]);
    read(1, [15, 25, 35]);
    expect([1, 2, 3, 5, 7, 8].map((count) => floor(count))).toEqual([
      [3, 3],
      [3, 2],
      [2, 2],
      [1, 1],
      [0, 0],
      [0, 0],
    ]);
  });

  it('are asked for again: what was read since counts', () => {
    const { read, floor } = createFixture();
    read(0, [10, 50]);
    read(1, [20, 30, 40]);
    expect(floor(2)).toEqual([1, 2]);
    read(1, [60]);
    expect(floor(2)).toEqual([1, 3]);
  });

  it('are older ones when the ring has gone over one of them', () => {
    const { ring, read, floor } = createFixture(5);
    read(0, [90]);
    read(1, [20, 30]);
    expect(floor(2, A)).toEqual([0, 1]);
    read(1, [1, 2, 3], '/b');
    expect(ring.base).toBe(1);
    expect(floor(2, A)).toEqual([1, 0]);
  });

  it('are of the event log that is there now', () => {
    const { ring, read, floor } = createFixture();
    read(0, [90]);
    expect(floor(2)).toEqual([0, 0]);
    ring.restart(Positions.of([0n, 0n]));
    read(0, [10]);
    read(1, [20]);
    read(0, [30]);
    expect(floor(2)).toEqual([1, 0]);
  });

  it('go on being found when one of them was truncated', () => {
    const { ring, read, floor } = createFixture();
    read(0, [10, 20]);
    read(1, [15, 30]);
    expect(floor(1)).toEqual([2, 1]);
    ring.truncate(1, 1n);
    expect(floor(1)).toEqual([1, 1]);
  });

  it('keep the order of a partition when a clock is wrong: a record is at least as new as those before it', () => {
    const { read, floor } = createFixture();
    // The second has no time, the third one of a clock that is slow.
    read(0, [40, MISSING, 5]);
    read(1, [10, 20, 50]);
    expect([1, 2, 3, 4, 5].map((count) => floor(count))).toEqual([
      [3, 2],
      [2, 2],
      [1, 2],
      [0, 2],
      [0, 1],
    ]);
  });

  it('do not count a time that is over an hour ahead', () => {
    const { read, floor } = createFixture();
    read(0, [10, Date.now() - START_MS + 7_200_000, 20]);
    read(1, [30]);
    expect(floor(1)).toEqual([3, 0]);
    expect(floor(2)).toEqual([2, 0]);
  });

  it('are remembered for few records only: clients choose how many they ask for', () => {
    const RECORDS = 25_000;
    const { ring, read, floor } = createFixture(RECORDS, 1 << 30);
    read(0, Array(RECORDS).fill(1));
    const look = jest.spyOn(ring, 'at');
    const looks = (count: number) => {
      look.mockClear();
      floor(count);
      return look.mock.calls.length;
    };
    expect(looks(15_000)).toBeGreaterThanOrEqual(RECORDS);
    expect(looks(15_000)).toBeLessThan(RECORDS);
    expect(looks(15_001)).toBeGreaterThanOrEqual(RECORDS);
    expect(looks(15_000)).toBeGreaterThanOrEqual(RECORDS);
  });
});
