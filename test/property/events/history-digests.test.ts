import fc from 'fast-check';
import { createHistoryDigests } from '../../../src/events/history-digests';
import { ChannelIndex } from '../../../src/hub/channel-index';
import type { HistoryChunk } from '../../../src/hub/replay';
import { createSubscription } from '../../../src/hub/subscription';
import { covers } from '../../../src/wire/channel';
import { entryOf } from '../../support/fake-sink';

const CHANNELS = ['/', '/a', '/a/x', '/a/y', '/b', '/c'];
/** Far more than any of these takes. */
const ROOM = 1 << 20;

/** A log of one record an offset, and how it was read: chunks that may overlap. */
const readings = fc.record({
  log: fc.array(fc.constantFrom(...CHANNELS), { minLength: 1, maxLength: 40 }),
  reads: fc.array(fc.record({ from: fc.nat(40), count: fc.integer({ min: 1, max: 12 }) }), { maxLength: 12 }),
  wanted: fc.constantFrom(...CHANNELS, '/nothing'),
  position: fc.nat(40),
});

function chunkOf(log: readonly string[], from: number, next: number): HistoryChunk {
  const entries = log
    .slice(from, next)
    .map((channel, i) => ({ entry: entryOf(channel, 'x'), next: BigInt(from + i + 1) }));
  return {
    slot: 0,
    from: BigInt(from),
    next: BigInt(next),
    bytes: 0,
    entries,
    index: new ChannelIndex(),
    isFinal: true,
  };
}

describe('digests of history', () => {
  it('skip no record that is for the subscription, and all of a chunk that has none', () => {
    let skipped = 0;
    fc.assert(
      fc.property(readings, ({ log, reads, wanted, position }) => {
        const digests = createHistoryDigests(ROOM);
        for (const { from, count } of reads)
          if (from < log.length) digests.add(chunkOf(log, from, Math.min(log.length, from + count)));
        const subscription = createSubscription({ channels: [wanted] });
        const start = Math.min(position, log.length);
        const reached = digests.skip(0, BigInt(start), BigInt(log.length), subscription);
        expect(log.slice(start, Number(reached)).filter((channel) => covers(wanted, channel))).toEqual([]);
        skipped += Number(reached) - start;
      }),
    );
    expect(skipped).toBeGreaterThan(0);
  });

  it('take no more than their bytes, the oldest first', () => {
    const digests = createHistoryDigests(700);
    const log = Array.from({ length: 30 }, () => '/a');
    for (let from = 0; from < 30; from += 10) digests.add(chunkOf(log, from, from + 10));
    expect(digests.bytes).toBeLessThanOrEqual(700);
    const subscription = createSubscription({ channels: ['/b'] });
    expect(digests.skip(0, 0n, 30n, subscription)).toBe(0n);
    expect(digests.skip(0, 10n, 30n, subscription)).toBe(30n);
    digests.clear();
    expect(digests.bytes).toBe(0);
    expect(digests.skip(0, 10n, 30n, subscription)).toBe(10n);
  });

  it('are not made of a chunk that may hold something else when it is read again', () => {
    const digests = createHistoryDigests(ROOM);
    digests.add({ ...chunkOf(['/a'], 0, 1), isFinal: false });
    expect(digests.skip(0, 0n, 1n, createSubscription({ channels: ['/b'] }))).toBe(0n);
  });
});
