import { type Stack, startStack } from '../../infra/local/start-stack';
import type { AggregationSummary } from '../../src/roles/aggregation-window';
import { openStream } from '../support/sse-client';
import { type Topic, type TopicRecord, topicAt } from '../support/topic';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;
const LIMIT_MS = 120_000;
const SETTLE_MS = 40_000;
const PARTITIONS = 3;
const WINDOW_EVENTS = 10;
const SAMPLE_EVENTS = 5;

type Summary = Omit<AggregationSummary, 'statistics'> & {
  statistics: Record<keyof AggregationSummary['statistics'], number>;
};

/** Where a summary says that its window begins. */
function placeOf({ id }: Summary): { partition: number; first: number } {
  const [, partition, first] = /^events-topic\.(\d+)\.(\d+)$/.exec(id) ?? [];
  return { partition: Number(partition), first: Number(first) };
}

describe('two aggregators on real Kafka', () => {
  const output: { name: string; line: string }[] = [];
  let stack: Stack;
  let events: Topic;
  let summaries: Topic;

  beforeAll(async () => {
    stack = await startStack({
      gateways: 1,
      tickMs: null,
      aggregators: 2,
      env: {
        KAFKA_TOPIC_PARTITIONS: String(PARTITIONS),
        KAFKA_SESSION_TIMEOUT_MS: '6000',
        KAFKA_METADATA_REFRESH_MS: '500',
        KAFKA_RETRY_MAX_MS: '300',
        AGGREGATION_MS: '1000',
      },
      onOutput: (name, line) => output.push({ name, line }),
    });
    events = topicAt(stack.kafka, 'events-topic');
    summaries = topicAt(stack.kafka, 'events-summary-table');
    await until(bothOwn, 'both aggregators have a part of the partitions', SETTLE_MS);
  }, START_LIMIT_MS);

  afterAll(() => stack?.close(), START_LIMIT_MS);

  /** Partitions that an aggregator has said it owns, last of all. */
  function ownedBy(name: string): number[] {
    const said = output.findLast(
      (entry) => entry.name === name && entry.line.includes('"Partitions assigned"'),
    );
    if (said === undefined) return [];
    return (
      (JSON.parse(said.line) as { partitions: Record<string, number[]> }).partitions['events-topic'] ?? []
    );
  }

  function bothOwn(): boolean {
    const owned = stack.aggregators.map(({ name }) => ownedBy(name));
    return owned.every(({ length }) => length > 0) && owned.flat().length === PARTITIONS;
  }

  /** By partition and offset, each record once even if it was read twice. */
  async function recordsOf(topic: Topic): Promise<TopicRecord[][]> {
    const read = await topic.read();
    return read.map((records) => [...new Map(records.map((record) => [record.offset, record])).values()]);
  }

  async function published(): Promise<Summary[]> {
    return (await recordsOf(summaries)).flat().map(({ value }) => JSON.parse(value) as Summary);
  }

  /** Of each id the last one counts, as for everybody who reads the topic. */
  function latest(all: readonly Summary[]): Summary[] {
    return [...new Map(all.map((summary) => [summary.id, summary])).values()];
  }

  /** The windows when every record is in one of them. */
  async function settled(): Promise<Summary[]> {
    const ends = await events.bounds();
    return until(
      async () => {
        const all = await published();
        const covered = ends.map(() => 0);
        for (const summary of latest(all)) {
          covered[placeOf(summary).partition]! += summary.statistics.totalEvents;
        }
        return ends.every(({ high }, partition) => covered[partition]! >= Number(high)) ? all : null;
      },
      'every record is in a window',
      SETTLE_MS,
    );
  }

  /** What is to be published, worked out from the topic itself. */
  async function expectRight(all: readonly Summary[]): Promise<void> {
    const records = await recordsOf(events);
    const next = records.map(() => 0);
    const byPlace = latest(all).sort((a, b) => placeOf(a).first - placeOf(b).first);
    for (const summary of byPlace) {
      const { partition, first } = placeOf(summary);
      // No hole between two windows, and no record in both.
      expect({ partition, first }).toEqual({ partition, first: next[partition] });
      const { totalEvents } = summary.statistics;
      expect(totalEvents).toBeGreaterThan(0);
      expect(totalEvents).toBeLessThanOrEqual(WINDOW_EVENTS);
      next[partition] = first + totalEvents;
      const data = records[partition]!.slice(first, first + totalEvents).map(({ value }) => parsed(value));
      const values = data.map(numberIn);
      const sum = values.reduce((total, value) => total + value, 0);
      expect(summary).toEqual({
        id: `events-topic.${partition}.${first}`,
        timestamp: expect.any(Number),
        aggregationPeriod: {
          start: expect.any(Number),
          end: expect.any(Number),
          durationMs: summary.aggregationPeriod.end! - summary.aggregationPeriod.start!,
        },
        statistics: {
          totalEvents,
          sumOfValues: sum,
          averageValue: sum / totalEvents,
          minValue: Math.min(...values),
          maxValue: Math.max(...values),
        },
        eventSample: data.slice(-SAMPLE_EVENTS),
      });
      expect(summary.aggregationPeriod.durationMs).toBeGreaterThanOrEqual(0);
      expect(summary.timestamp).toBeGreaterThanOrEqual(summary.aggregationPeriod.start!);
    }
    expect(next).toEqual(records.map(({ length }) => length));
  }

  function parsed(value: string): unknown {
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  }

  function numberIn(data: unknown): number {
    const { payload, value } = data as { payload?: { times: number }; value?: number };
    return payload?.times ?? value ?? 0;
  }

  /** Appends to all partitions until it is stopped. */
  function flow(): { stop(): Promise<void> } {
    let running = true;
    let times = 0;
    const done = (async () => {
      while (running) {
        const records = Array.from({ length: 7 * PARTITIONS }, (_, i) => ({
          value: JSON.stringify({ payload: { date: Date.now(), times: ++times } }),
          partition: i % PARTITIONS,
        }));
        await events.produce(records);
      }
    })();
    return {
      stop() {
        running = false;
        return done;
      },
    };
  }

  it(
    'sums up ten events each, fewer when the time is over, and shows it on /summary and to all',
    async () => {
      const clients = await Promise.all(
        ['/subscribe/summary', '/sse'].map((path) => openStream(`${stack.gateways[0]!.url}${path}`)),
      );
      const forms = [
        (i: number) => JSON.stringify({ payload: { date: 1, times: i } }),
        (i: number) => JSON.stringify({ value: -i }),
        (i: number) => `text ${i}`,
      ];
      await events.produce(
        Array.from({ length: 77 }, (_, i) => ({ value: forms[i % 3]!(i), partition: (i * i) % PARTITIONS })),
      );
      const all = await settled();
      await expectRight(all);
      expect(all.some(({ statistics }) => statistics.totalEvents === WINDOW_EVENTS)).toBe(true);
      expect(all.some(({ statistics }) => statistics.totalEvents < WINDOW_EVENTS)).toBe(true);

      for (const client of clients) {
        const shown = () => client.events.filter(({ event }) => event === 'summary');
        await client.until(() => shown().length >= all.length);
        const ids = shown().map(({ data }) => (JSON.parse(data) as Summary).id);
        expect(ids.sort()).toEqual(all.map(({ id }) => id).sort());
      }
    },
    LIMIT_MS,
  );

  it(
    'leave no record out and publish no window under two ids when one stands still and the other is killed',
    async () => {
      const before = (await published()).length;
      const flowing = flow();
      const [first, second] = stack.aggregators;
      try {
        await until(async () => (await published()).length > before + 50, 'summaries flow');
        process.kill(first!.pid, 'SIGSTOP');
        await until(
          () => ownedBy(second!.name).length === PARTITIONS,
          'the second takes over from the first, which stands still',
          SETTLE_MS,
        );
        process.kill(first!.pid, 'SIGCONT');
        await until(bothOwn, 'the first is back', SETTLE_MS);
        await second!.kill('SIGKILL');
        await until(
          () => ownedBy(first!.name).length === PARTITIONS,
          'the first takes over from the second, which is gone',
          SETTLE_MS,
        );
      } finally {
        await flowing.stop();
      }
      await expectRight(await settled());
    },
    LIMIT_MS,
  );

  it(
    'goes on by itself, and as exactly, when the broker was away',
    async () => {
      const spread = (count: number) =>
        Array.from({ length: count }, (_, i) => ({ value: `{"value":${i}}`, partition: i % PARTITIONS }));
      await events.produce(spread(44));
      await stack.broker!.kill();
      const { length } = output;
      const fails = ({ name, line }: (typeof output)[number]) =>
        name === stack.aggregators[0]!.name && line.includes('Aggregation interrupted');
      await until(() => output.slice(length).some(fails), 'the aggregator notices', SETTLE_MS);
      await stack.broker!.start();
      await events.produce(spread(55));
      await expectRight(await settled());
    },
    LIMIT_MS,
  );
});
