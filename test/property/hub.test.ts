import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { ChannelIndex } from '../../src/hub/channel-index';
import type { Hub } from '../../src/hub/hub';
import type { Gather } from '../../src/hub/pacing';
import { Positions } from '../../src/hub/positions';
import type { HistoryChunk } from '../../src/hub/replay';
import type { Start, Subscriber } from '../../src/hub/subscriber';
import { createSubscription } from '../../src/hub/subscription';
import { covers } from '../../src/wire/channel';
import { FakeClock } from '../support/fake-clock';
import { entryOf, FakeSink } from '../support/fake-sink';
import { createTestHistory, createTestHub } from '../support/hub';

const RUNS = 400;
/** For shrinking, too. */
const TIMEOUT_MS = 120_000;
const CHANNELS = ['/', '/a', '/a/x', '/a/y', '/b', '/c'];
/** Few, so that many streams share an audience. */
const SUBSCRIPTIONS = [['/'], ['/a'], ['/a/x', '/b']];

const WRITE_MS = 2;
const LONGEST_GATHER_MS = 50;

type Step =
  | { do: 'publish'; channel: string; count: number }
  | { do: 'open'; channels: string[]; from: number | null; everyMs: number }
  | { do: 'close' | 'fill' | 'drain'; who: number }
  /** All members leave at once. */
  | { do: 'abandon' }
  | { do: 'wait'; ms: number }
  | { do: 'turn'; turns: number };

const does = <const T extends string>(...names: T[]) => fc.constantFrom(...names);
const upTo = (max: number) => fc.integer({ min: 1, max });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: does('publish'), channel: fc.constantFrom(...CHANNELS), count: upTo(6) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: does('open'),
      channels: fc.constantFrom(...SUBSCRIPTIONS),
      from: fc.option(fc.nat(200)),
      everyMs: fc.constantFrom(0, 0, 30),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: does('close', 'fill', 'fill', 'drain', 'drain'), who: fc.nat(12) }),
  },
  { weight: 1, arbitrary: fc.record({ do: does('abandon') }) },
  { weight: 2, arbitrary: fc.record({ do: does('wait'), ms: upTo(20) }) },
  { weight: 6, arbitrary: fc.record({ do: does('turn'), turns: upTo(3) }) },
);

interface Client {
  readonly sink: FakeSink;
  readonly subscriber: Subscriber;
  readonly channels: string[];
  /** Place in the log where it begins. */
  readonly start: number;
  isGone: boolean;
}

/** Runs the steps against a plain array and the real hub, then lets everything drain; checks on the way and at the end. */
async function run(
  steps: Step[],
  ringRecords: number,
  gather: Gather = 0,
  sliceBytes = 12,
): Promise<{ beforeRing: number; waits: number }> {
  const log: string[] = [];
  const clients: Client[] = [];
  /** Positions that were read from. */
  const wereRead = new Set<bigint>();
  let beforeRing = 0;

  const clock = new FakeClock();
  const hub: Hub = createTestHub({
    clock,
    gather,
    ring: { records: ringRecords, bytes: 1 << 20 },
    sliceBytes,
    writesPerTurn: 4,
    history: createTestHistory({
      find(slot, position) {
        beforeRing++;
        return wereRead.has(position) ? chunkAt(slot, position) : null;
      },
      async read(_slot, from, _to, onRead) {
        await turn();
        wereRead.add(from);
        onRead(from);
      },
    }),
  });
  hub.restart(Positions.of([0n]));

  function chunkAt(slot: number, from: bigint): HistoryChunk {
    const base = hub.ring.positionsAt(hub.ring.base).at(slot)!;
    const next = base < from + 3n ? base : from + 3n;
    const entries = log
      .map((channel, i) => ({ entry: entryOf(channel, String(i)), next: BigInt(i) + 1n }))
      .slice(Number(from), Number(next));
    const index = new ChannelIndex();
    for (const [i, { entry }] of entries.entries()) index.add(i, entry);
    return { slot, from, next, bytes: 0, entries, index, isFinal: true };
  }

  function expected(channels: readonly string[], from: number, to: number): string[] {
    return log
      .slice(0, to)
      .flatMap((channel, i) =>
        i >= from && channels.some((own) => covers(own, channel)) ? [String(i)] : [],
      );
  }

  function open({ channels, from, everyMs }: Extract<Step, { do: 'open' }>): void {
    // Often further than this hub, as after a stay with one that was.
    const start = from === null ? log.length : Math.max(0, log.length + 4 - (from % 12));
    const at: Start = from === null ? { at: 'head' } : { at: 'floor', floor: Positions.of([BigInt(start)]) };
    const sink = new FakeSink();
    sink.onWrite = () => clock.pass(WRITE_MS);
    const subscriber = hub.subscribe(createSubscription({ channels, everyMs }), sink, at);
    sink.subscriber = subscriber;
    clients.push({ sink, subscriber, channels, start, isGone: false });
  }

  function leave(client: Client): void {
    client.isGone = true;
    hub.unsubscribe(client.subscriber);
  }

  /** What it got is the beginning of what it is to get, and what the hub says of it is true. */
  function check({ sink, subscriber, channels, start, isGone }: Client): void {
    const { events } = sink;
    const wanted = expected(channels, start, log.length);
    expect(events.join()).toBe(wanted.slice(0, events.length).join());
    if (isGone) return;
    expect(hub.sentTo(subscriber)).toBe(events.length);
    const served = hub.servedPositions(subscriber)?.at(0);
    if (served !== undefined) expect(events.length).toBe(wanted.filter((i) => Number(i) < served).length);
  }

  function apply(it: Exclude<Step, { do: 'turn' }>): void {
    if (it.do === 'wait') clock.pass(it.ms);
    else if (it.do === 'publish') {
      for (let i = 0; i < it.count; i++) {
        hub.publish(entryOf(it.channel, String(log.length)), Positions.of([BigInt(log.push(it.channel))]));
      }
      hub.flush();
    } else if (it.do === 'open') open(it);
    else if (it.do === 'abandon') {
      for (const client of clients) if (client.subscriber.phase.name === 'live') leave(client);
    } else {
      const client = clients[it.who % Math.max(1, clients.length)];
      if (client === undefined || client.isGone) return;
      const { sink, subscriber } = client;
      if (it.do === 'close') leave(client);
      else sink.isFull = it.do === 'fill';
      if (it.do === 'drain') hub.onWritable(subscriber);
    }
  }

  for (const it of steps) {
    if (it.do !== 'turn') {
      apply(it);
      continue;
    }
    for (let i = 0; i < it.turns; i++) await turn();
    clients.forEach(check);
  }
  // Who is ahead of the hub is caught up with.
  apply({ do: 'publish', channel: '/', count: 4 });
  for (const { sink, subscriber, isGone } of clients) {
    sink.isFull = false;
    if (!isGone) hub.onWritable(subscriber);
  }
  for (let quiet = 0, before = ''; quiet < 4; ) {
    clock.pass(LONGEST_GATHER_MS);
    await turn();
    const now = `${hub.stats().writes} ${beforeRing}`;
    quiet = now === before ? quiet + 1 : 0;
    before = now;
  }
  for (const client of clients) {
    check(client);
    if (client.isGone) continue;
    expect(client.sink.events).toEqual(expected(client.channels, client.start, log.length));
    // With an idle hub every subscriber has caught up.
    expect(client.subscriber.phase.name).toBe('live');
  }
  hub.close();
  return { beforeRing, waits: clock.started };
}

const steps = fc.array(step, { minLength: 10, maxLength: 150, size: 'max' });

describe('Hub, compared with a plain array', () => {
  it(
    'delivers exactly the subscribed records from the start, once and in order',
    async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (list) => {
          await run(list, 2_000);
        }),
        { numRuns: RUNS },
      );
    },
    TIMEOUT_MS,
  );

  it(
    'delivers the same with a small ring, where catching up reads history',
    async () => {
      let beforeRing = 0;
      await fc.assert(
        fc.asyncProperty(steps, fc.constantFrom(1, 4, 12), async (list, ringRecords) => {
          beforeRing += (await run(list, ringRecords)).beforeRing;
        }),
        { numRuns: RUNS },
      );
      expect(beforeRing).toBeGreaterThan(RUNS);
    },
    TIMEOUT_MS,
  );

  it(
    'delivers the same when events wait for each other',
    async () => {
      let waits = 0;
      const gathers = fc.constantFrom<Gather>('auto', 10, LONGEST_GATHER_MS);
      await fc.assert(
        fc.asyncProperty(steps, fc.constantFrom(12, 2_000), gathers, async (list, ringRecords, gather) => {
          waits += (await run(list, ringRecords, gather, 60)).waits;
        }),
        { numRuns: RUNS },
      );
      expect(waits).toBeGreaterThan(RUNS / 2);
    },
    TIMEOUT_MS,
  );
});
