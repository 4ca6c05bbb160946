import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { covers } from '../../src/hub/channel';
import { Hub } from '../../src/hub/hub';
import { createSubscription } from '../../src/hub/subscription';
import { FakeSink } from '../support/fake-sink';

const CHANNELS = ['/', '/a', '/a/x', '/a/y', '/b', '/c'];
/** Few, so that many streams share an audience. */
const SUBSCRIPTIONS = [['/'], ['/a'], ['/a/x', '/b']];

type Step =
  | { kind: 'publish'; channel: string; count: number }
  | { kind: 'open'; channels: string[] }
  | { kind: 'close' | 'fill' | 'drain'; who: number }
  | { kind: 'turn'; turns: number };

const who = fc.nat(12);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('publish' as const),
      channel: fc.constantFrom(...CHANNELS),
      count: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      channels: fc.constantFrom(...SUBSCRIPTIONS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('close' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('fill' as const), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('drain' as const), who }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('turn' as const), turns: fc.integer({ min: 1, max: 3 }) }),
  },
);

interface Client {
  readonly sink: FakeSink;
  readonly channels: string[];
  /** Length of the log when it came. */
  readonly start: number;
  /** Length of the log when it left. */
  end: number | null;
}

/** Runs the steps against a plain array and the real hub, then lets everything drain. */
async function run(steps: Step[], ringRecords: number): Promise<{ log: string[]; clients: Client[] }> {
  const log: string[] = [];
  const clients: Client[] = [];
  const hub = new Hub({
    ring: { records: ringRecords, bytes: 1 << 20 },
    sliceBytes: 12,
    writesPerTurn: 4,
    onPressure: () => undefined,
    onSinkError: (error) => {
      throw error;
    },
  });
  hub.restart([0n]);

  for (const step of steps) {
    if (step.kind === 'publish') {
      for (let i = 0; i < step.count; i++) {
        log.push(step.channel);
        const bytes = Buffer.from(`${log.length - 1}\n`);
        hub.publish({ channel: step.channel, event: null, bytes, bodyStart: 0 }, [BigInt(log.length)]);
      }
    } else if (step.kind === 'open') {
      const sink = new FakeSink();
      clients.push({ sink, channels: step.channels, start: log.length, end: null });
      sink.subscriber = hub.subscribe(createSubscription(step.channels), sink);
    } else if (step.kind === 'turn') {
      for (let i = 0; i < step.turns; i++) await turn();
    } else {
      const client = clients[step.who % Math.max(1, clients.length)];
      if (client === undefined || client.end !== null) continue;
      if (step.kind === 'close') {
        client.end = log.length;
        hub.unsubscribe(client.sink.subscriber!);
      } else {
        client.sink.isFull = step.kind === 'fill';
        if (step.kind === 'drain') hub.drained(client.sink.subscriber!);
      }
    }
  }
  for (const { sink, end } of clients) {
    sink.isFull = false;
    if (end === null) hub.drained(sink.subscriber!);
  }
  for (let quiet = 0, before = -1; quiet < 4; ) {
    await turn();
    const { writes } = hub.stats();
    quiet = writes === before ? quiet + 1 : 0;
    before = writes;
  }
  for (const { sink, end } of clients) {
    // Nobody is left private for good: with an idle hub everyone is a member again.
    if (end === null && !sink.isOutrun) expect(sink.subscriber!.state).toBe('live');
  }
  hub.close();
  return { log, clients };
}

function expectedOf(log: string[], { channels, start }: Client): string[] {
  return log.flatMap((channel, i) =>
    i >= start && channels.some((own) => covers(own, channel)) ? [String(i)] : [],
  );
}

describe('Hub against a plain array', () => {
  it('gives each stream exactly its records from its start, in order, each once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 150, size: 'max' }), async (steps) => {
        const { log, clients } = await run(steps, 2_000);
        for (const client of clients) {
          const expected = expectedOf(log, client);
          // Who left got a beginning of it, the others all.
          expect(client.sink.events).toEqual(
            client.end === null ? expected : expected.slice(0, client.sink.events.length),
          );
        }
      }),
      { numRuns: 400 },
    );
  });

  it('with a small ring: outruns a stream rather than skip anything for it', async () => {
    let outrun = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 150, size: 'max' }), async (steps) => {
        const { log, clients } = await run(steps, 12);
        for (const client of clients) {
          const expected = expectedOf(log, client);
          const complete = client.end === null && !client.sink.isOutrun;
          if (client.sink.isOutrun) outrun++;
          expect(client.sink.events).toEqual(
            complete ? expected : expected.slice(0, client.sink.events.length),
          );
        }
      }),
      { numRuns: 400 },
    );
    expect(outrun).toBeGreaterThan(0);
  });
});
