import { type Stack, startStack } from '../../infra/local/start-stack';
import { parseCursor } from '../../src/wire/cursor';
import { createDeliveryCheck } from '../support/delivery';
import { openEventSource, ownOf, recordsOf, type TestEventSource } from '../support/event-source';
import { judgeFaults, runFaults } from '../support/fault-run';
import { startPacedPublisher } from '../support/paced-publisher';
import { watchMemory } from '../support/process-memory';
import { numberedValues, startStreamLoad } from '../support/stream-load';
import { type Topic, topicAt } from '../support/topic';
import { until } from '../support/until';

/** Download at the first use, on a busy machine. */
const START_LIMIT_MS = 300_000;
const LIMIT_MS = 120_000;
const PARTITIONS = 3;
/** Small, so that streams that were away need Kafka soon. */
const RING_RECORDS = 300;
/** Clients come back ten times as fast as browsers. */
const RETRY_DIVISOR = 10;

const print = (line: string) => process.stdout.write(`  ${line}\n`);

describe('streams that come back, on the whole stack', () => {
  const errors: string[] = [];
  let stack: Stack;
  let topic: Topic;

  beforeAll(async () => {
    stack = await startStack({
      tickMs: null,
      aggregators: 0,
      env: {
        KAFKA_TOPIC_PARTITIONS: String(PARTITIONS),
        KAFKA_METADATA_REFRESH_MS: '500',
        RING_RECORDS: String(RING_RECORDS),
        RING_WARM_RECORDS: String(RING_RECORDS),
        SLOW_GRACE_MS: '1000',
      },
      onOutput: (name, line) => {
        if (/"level":(50|60)/.test(line)) errors.push(`${name}: ${line}`);
      },
    });
    topic = topicAt(stack.kafka, 'events-topic');
  }, START_LIMIT_MS);

  afterAll(() => stack?.close(), START_LIMIT_MS);

  afterEach(() => {
    expect(errors.splice(0)).toEqual([]);
  });

  const url = (gateway: number) => stack.gateways[gateway]!.url;

  async function openAt(base: string, lastEventId = ''): Promise<TestEventSource> {
    const source = openEventSource(`${base}/sse`, { lastEventId, retryDivisor: RETRY_DIVISOR });
    await until(() => source.isOpen, 'the stream has begun');
    return source;
  }

  /** Spread over the partitions in turn. */
  const spread = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, i) => ({ value: `${prefix}-${i}`, partition: i % PARTITIONS }));

  /** Waits until the source has so many records of the prefix. */
  async function untilHas(source: TestEventSource, prefix: string, count: number): Promise<void> {
    const has = () => recordsOf(source).filter(({ data }) => data.startsWith(prefix)).length;
    await until(() => has() >= count, `${count} records ${prefix}*`).catch((error: Error) => {
      const { connections, breaks, lastEventId } = source;
      const state = JSON.stringify({ has: has(), connections, breaks, lastEventId });
      throw new Error(`${error.message}; the source: ${state}; the last: ${source.events.at(-1)?.data}`);
    });
  }

  /** Waits until the source has all records of the prefix, and checks that it has nothing else of it. */
  async function expectAll(source: TestEventSource, prefix: string): Promise<void> {
    const check = createDeliveryCheck(await topic.read(), prefix);
    await until(() => check.of(source).missing.length === 0, `${prefix} is complete`);
    expect(check.of(source)).toEqual({ missing: [], misplaced: [], unknown: [], repeated: [] });
  }

  async function connectionsOf(gateway: number): Promise<number> {
    return Number(await (await fetch(`${url(gateway)}/connections`)).text());
  }

  it(
    'lose nothing and double nothing while each gateway is killed and the broker is restarted',
    async () => {
      const run = await runFaults({
        stack,
        topic,
        clients: 30,
        perSecond: 100,
        durationMs: 12_000,
        retryDivisor: RETRY_DIVISOR,
      });
      print(judgeFaults(run));
    },
    LIMIT_MS,
  );

  it(
    'get from Kafka what the ring has let go of',
    async () => {
      const before = await openAt(stack.url);
      await topic.produce(spread('seen', 30));
      await untilHas(before, 'seen-', 30);
      expect(strangers(before, 'seen-')).toEqual([]);
      before.close();
      await topic.produce(spread('away', 5 * RING_RECORDS));

      const after = await openAt(stack.url, before.lastEventId);
      await until(() => ownOf(after, 'live').length === 1, 'it has caught up');
      await topic.produce(spread('away-later', 30));
      await expectAll(after, 'away-');
      expect(strangers(after, 'away-')).toEqual([]);
      expect(ownOf(after, 'live')).toEqual([{ replayed: 5 * RING_RECORDS }]);
      expect(ownOf(after, 'gap')).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'are told once per partition how much retention has taken, then get the rest',
    async () => {
      const before = await openAt(stack.url);
      await topic.produce(spread('kept', 30));
      await untilHas(before, 'kept-', 30);
      expect(strangers(before, 'kept-')).toEqual([]);
      before.close();
      await topic.produce(spread('lost', 4 * RING_RECORDS));
      await topic.produce(spread('rest', 4 * RING_RECORDS));
      const starts = (await topic.bounds()).map(({ high }) => high - BigInt((4 * RING_RECORDS) / PARTITIONS));
      await topic.trim(starts);

      const requested = parseCursor(before.lastEventId)!.topics[0]!.positions;
      const after = await openAt(stack.url, before.lastEventId);
      await until(() => ownOf(after, 'live').length === 1, 'it has caught up');
      expect(ownOf(after, 'gap')).toEqual(
        requested.map((position, partition) => ({
          reason: 'retention',
          topic: 'events-topic',
          partition,
          requested: String(position),
          available: String(starts[partition]),
          lost: (4 * RING_RECORDS) / PARTITIONS,
        })),
      );
      const told = after.events.filter(({ event }) => !['gateway.open', 'gateway.position'].includes(event));
      expect(told.slice(0, PARTITIONS).every(({ event }) => event === 'gateway.gap')).toBe(true);
      await expectAll(after, 'rest-');
      expect(strangers(after, 'rest-')).toEqual([]);
      expect(ownOf(after, 'live')).toEqual([{ replayed: 4 * RING_RECORDS }]);
    },
    LIMIT_MS,
  );

  it(
    'go on from memory at a gateway that has just been restarted, even without Kafka',
    async () => {
      const before = await openAt(url(0));
      await stack.gateways[0]!.kill();
      before.close();
      await topic.produce(spread('restart', RING_RECORDS / 2));
      await stack.gateways[0]!.start();
      await stack.broker!.pause();
      try {
        const after = await openAt(url(0), before.lastEventId);
        await until(() => ownOf(after, 'live').length === 1, 'it has caught up');
        expect(ownOf(after, 'live')).toEqual([{ replayed: RING_RECORDS / 2 }]);
        stack.broker!.resume();
        await expectAll(after, 'restart-');
      } finally {
        stack.broker!.resume();
      }
    },
    LIMIT_MS,
  );

  it(
    'go on at any other gateway with the id of the one they were at, in the middle of the flow',
    async () => {
      const publisher = startPacedPublisher(
        stack.gateways.map((gateway) => gateway.url),
        { prefix: 'hop', perSecond: 200 },
      );
      /** What a client had on the first gateway, and the stream on which it went on at another. */
      const hops: { had: string[]; goesOn: TestEventSource }[] = [];
      for (let round = 0; round < 12; round++) {
        const from = round % 3;
        const first = openEventSource(`${url(from)}/sse?from=earliest`);
        const wanted = 20 * (round + 1);
        const isHop = ({ data }: { data: string }) => data.startsWith('hop-');
        await until(() => recordsOf(first).filter(isHop).length >= wanted, 'some events are there');
        first.close();
        const had = recordsOf(first).map(({ data }) => data);
        for (const to of [1, 2]) {
          const goesOn = openEventSource(`${url((from + to) % 3)}/sse`, { lastEventId: first.lastEventId });
          hops.push({ had, goesOn });
        }
      }
      await publisher.stop();
      const partitions = (await topic.read()).map((records) => records.map(({ value }) => value));
      const all = partitions.flat();
      for (const { had, goesOn } of hops) {
        await until(() => had.length + recordsOf(goesOn).length >= all.length, 'it has all');
        const got = [...had, ...recordsOf(goesOn).map(({ data }) => data)];
        expect(got).toHaveLength(all.length);
        for (const values of partitions) {
          const known = new Set(values);
          expect(got.filter((data) => known.has(data))).toEqual(values);
        }
        expect(goesOn.events.filter(({ event }) => /gateway\.(gap|reset)/.test(event))).toEqual([]);
        expect(goesOn.connections).toBe(1);
      }
      print(`${hops.length} hops over ${all.length} events: none missing, none received again`);
    },
    LIMIT_MS,
  );

  it(
    'do not hold up others when they stop reading, and miss nothing when they read again',
    async () => {
      const bytes = 24 * 1024;
      const readers = await startStreamLoad({ url: url(0), path: '/sse', count: 100 });
      const stopped = await startStreamLoad({ url: url(0), path: '/sse', count: 20 });
      await until(async () => (await connectionsOf(0)) === 120, 'all are connected');
      await stopped.pause();
      const memory = watchMemory(stack.gateways[0]!.pid);
      const send = (from: number, count: number) =>
        topic.produce(numberedValues(from, count, bytes).map((value) => ({ value, partition: 0 })));

      await send(0, 350);
      await readers.reached(350);
      await until(async () => (await connectionsOf(0)) === 100, 'those that stopped were closed', 20_000);
      await send(350, 50);
      await stopped.resume();
      for (const load of [readers, stopped]) {
        await load.reached(400);
        for (const report of await load.report()) {
          expect(report).toMatchObject({ first: 0, next: 400, holes: 0, repeats: 0, failure: null });
          expect(report.own.filter((event) => !event.startsWith('gateway.live'))).toEqual([]);
        }
      }
      expect((await readers.report()).every(({ connections }) => connections === 1)).toBe(true);
      expect((await stopped.report()).every(({ connections }) => connections > 1)).toBe(true);
      print(
        `20 of 120 stopped over ${(400 * bytes) >> 20} MiB each: gateway ${memory.startMiB} MiB, peak ${memory.peakMiB()} MiB`,
      );
      expect(memory.peakMiB() - memory.startMiB).toBeLessThan(150);
    },
    LIMIT_MS,
  );

  it(
    'get partitions that were added, connected or away',
    async () => {
      const connected = await openAt(url(0));
      const away = await openAt(url(1));
      away.close();
      await topic.grow(PARTITIONS + 2);
      await topic.produce(
        Array.from({ length: 500 }, (_, i) => ({ value: `grown-${i}`, partition: i % (PARTITIONS + 2) })),
      );
      await expectAll(connected, 'grown-');
      for (const gateway of [0, 1, 2]) {
        const back = await openAt(url(gateway), away.lastEventId);
        await expectAll(back, 'grown-');
        expect(strangers(back, 'grown-')).toEqual([]);
        expect(parseCursor(back.lastEventId)!.topics[0]!.positions).toHaveLength(PARTITIONS + 2);
      }
      expect(strangers(connected, 'grown-')).toEqual([]);
      expect([...ownOf(connected, 'gap'), ...ownOf(connected, 'reset')]).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'are told of a topic that was created again, and go on with it',
    async () => {
      const connected = await Promise.all([0, 1, 2].map((gateway) => openAt(url(gateway))));
      const old = connected[0]!.lastEventId;
      const pids = stack.gateways.map(({ pid }) => pid);
      await topic.recreate(PARTITIONS);
      for (const source of connected) {
        await until(() => ownOf(source, 'reset').length > 0, 'the reset is told', 30_000);
      }
      // An event of the new topic is an event like any other.
      for (const base of stack.gateways.map((gateway) => gateway.url)) {
        await until(async () => {
          const res = await fetch(`${base}/broadcast?key=${base}`, { method: 'POST', body: `anew-${base}` });
          return res.status === 202;
        }, 'the new topic takes events');
      }
      for (const source of connected) {
        await expectAll(source, 'anew-');
        expect(ownOf(source, 'reset')).toEqual([{ reason: 'recreated', topics: ['events-topic'] }]);
        expect(source.connections).toBe(1);
      }
      const back = await openAt(url(1), old);
      expect(ownOf(back, 'reset')).toEqual([{ reason: 'topic', topics: ['events-topic'] }]);
      expect(stack.gateways.map(({ pid }) => pid)).toEqual(pids);
    },
    LIMIT_MS,
  );
});

/** Data of the source that the test has not sent. */
function strangers(source: TestEventSource, prefix: string): string[] {
  return recordsOf(source)
    .map(({ data }) => data)
    .filter((data) => !data.startsWith(prefix));
}
