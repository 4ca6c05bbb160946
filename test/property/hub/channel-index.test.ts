import fc from 'fast-check';
import { ChannelIndex } from '../../../src/hub/channel-index';
import { Positions } from '../../../src/hub/positions';
import { Ring, type RingEntry } from '../../../src/hub/ring';
import { createSubscription, type Subscription } from '../../../src/hub/subscription';
import { covers } from '../../../src/wire/channel';
import { entryOf } from '../../support/fake-sink';

const RUNS = 1_000;
const CHANNELS = ['/', '/a', '/a/x', '/a/x/1', '/a/y', '/ab', '/b/x', '/c', null];

const channel = fc.constantFrom(...CHANNELS);
const subscription = fc
  .uniqueArray(fc.constantFrom('/', '/a', '/a/x', '/a/y', '/ab', '/b', '/c', '/d'), {
    minLength: 1,
    maxLength: 4,
  })
  .map((channels) => createSubscription({ channels }));

/** The places of the entries on the subscription's channels, or without one, by a look at each. */
function scan({ channels }: Subscription, entries: ReadonlyMap<number, RingEntry>): number[] {
  const isFor = (own: string | null) => own === null || channels.some((wanted) => covers(wanted, own));
  return [...entries].flatMap(([place, entry]) => (isFor(entry.channel) ? [place] : []));
}

function found(
  index: Pick<ChannelIndex, 'candidates'>,
  one: Subscription,
  from: number,
  end: number,
): number[] {
  const candidates = index.candidates(one);
  const places: number[] = [];
  for (let place = candidates.next(from); place < end; place = candidates.next(place + 1)) places.push(place);
  return places;
}

describe('ChannelIndex, compared with a look at each entry', () => {
  it('has the same candidates, from any place on, whatever was added and dropped', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.array(channel, { maxLength: 60 }) }) },
      { weight: 1, arbitrary: fc.record({ drop: fc.nat(90) }) },
    );
    fc.assert(
      fc.property(fc.array(step), subscription, fc.nat(300), (steps, one, start) => {
        const index = new ChannelIndex();
        const entries = new Map<number, RingEntry>();
        let end = 0;
        for (const it of steps) {
          if ('add' in it)
            for (const own of it.add) {
              const entry = entryOf(own, 'x');
              index.add(end, entry);
              entries.set(end++, entry);
            }
          else
            for (const [place, entry] of [...entries].slice(0, it.drop)) {
              index.dropFirst(entry);
              entries.delete(place);
            }
          const from = Math.max(start, end - entries.size);
          expect(found(index, one, from, end).filter((place) => entries.has(place))).toEqual(
            scan(one, entries).filter((place) => place >= from),
          );
        }
        for (const entry of entries.values()) index.dropFirst(entry);
        expect([index.bytes, index.channels]).toEqual([0, 0]);
      }),
      { numRuns: RUNS },
    );
  });

  it('skips to what a caller wants next, in a list of any length', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(channel, { minLength: 1, maxLength: 200 }),
        subscription,
        gaps,
        (all, one, skips) => {
          const index = new ChannelIndex();
          const entries = new Map(all.map((own, place) => [place, entryOf(own, 'x')]));
          for (const [place, entry] of entries) index.add(place, entry);
          const candidates = index.candidates(one);
          const wanted = scan(one, entries);
          for (let from = 0, i = 0; from < all.length; from += skips[i++ % skips.length]!) {
            const next = candidates.next(from);
            expect(next < all.length ? next : undefined).toBe(wanted.find((place) => place >= from));
          }
        },
      ),
      { numRuns: RUNS },
    );
  });
});

describe('Ring', () => {
  it('has no candidate that it evicted, and none is missing', () => {
    const limits = fc.record({
      records: fc.integer({ min: 1, max: 40 }),
      bytes: fc.integer({ min: 1, max: 30_000 }),
    });
    fc.assert(
      fc.property(limits, fc.array(channel, { maxLength: 120 }), subscription, (limit, all, one) => {
        const ring = new Ring(limit);
        ring.restart(Positions.of([0n]));
        for (const [i, own] of all.entries()) ring.append(entryOf(own, 'x'), Positions.of([BigInt(i) + 1n]));
        const held = Array.from({ length: ring.head - ring.base }, (_, i) => ring.base + i);
        expect(found(ring, one, ring.base, ring.head)).toEqual(
          scan(one, new Map(held.map((seq) => [seq, ring.at(seq)]))),
        );
        expect(held.length <= 1 || ring.bytes <= limit.bytes).toBe(true);
        ring.restart(Positions.of([0n]));
        expect([ring.bytes, ring.channels]).toEqual([0, 0]);
      }),
      { numRuns: RUNS },
    );
  });
});
