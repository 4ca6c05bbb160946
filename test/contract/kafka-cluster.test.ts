import { setTimeout as pace } from 'node:timers/promises';
import { useBroker } from '../support/kafka';
import { topicAt } from '../support/topic';
import { until } from '../support/until';
import { codeOf, newTopic, text } from './event-log-suite';
import { openKafkaLog } from './kafka-log';
import { TailRecorder } from './tail-recorder';

jest.setTimeout(180_000);

const CALLERS = 4;
/** Sessions end after 3 s, then there is an election, which takes longer when the controller is away itself. */
const ELECTED_MS = 60_000;
/** A request is given up only long after. */
const PATIENCE_MS = 110_000;

describe('kafka event log on three brokers', () => {
  // Kafka notices a dead broker when its session ends; the default is 9 s.
  const kafka = useBroker({ count: 3, properties: { 'broker.session.timeout.ms': '3000' } });

  it('goes on when a leader is killed: what was acked is seen once, in order, and nothing refused is seen', async () => {
    const topic = newTopic();
    const log = openKafkaLog(kafka.bootstrap, [topic], {
      KAFKA_TOPIC_PARTITIONS: '6',
      KAFKA_TOPIC_REPLICATION: '3',
    });
    const seen = new TailRecorder();
    log.tail(seen);
    const connected = () => log.status().producer.connected && log.status().consumer.connected;
    const isServed = () => {
      const [status] = log.status().topics;
      return [status!.read.state, status!.append.state].every((state) => state === 'ok');
    };
    const outcomes = new Map<string, string>();
    const acked = () => [...outcomes.values()].filter((outcome) => outcome === 'ok').length;
    let appending = true;
    let callers: Promise<unknown> = Promise.resolve();
    try {
      await until(connected, 'it is connected');
      callers = Promise.all(
        Array.from({ length: CALLERS }, async (_, caller) => {
          for (let i = 0; appending; i++) {
            const value = `${caller}:${i}`;
            const [result] = await log.append([text(topic, value, `key ${caller}`)]);
            outcomes.set(value, codeOf(result!));
            await pace(result!.ok ? 1 : 10);
          }
        }),
      );
      await until(() => acked() > 200, 'some appends');
      await kafka.broker.kill(0);
      await until(() => !isServed(), 'the loss is noticed');
      // It concerns some partitions; the others are written to and read.
      expect(connected()).toBe(true);
      await until(isServed, 'other brokers lead', 30_000);
      const before = acked();
      await until(() => acked() > before + 200, 'appends go on without the broker');
    } finally {
      appending = false;
      await callers;
    }
    const { partitions } = await log.bounds();
    await until(
      () =>
        log
          .status()
          .consumer.partitions.every(({ position }, index) => position === partitions[index]!.logEnd),
      'all of the log was read',
    );
    // Each partition's leader tells its own part.
    const timeMs = seen.records[seen.records.length >> 1]!.timestampMs;
    const atTime = (await log.bounds({ timeMs })).partitions;
    await log.close(5_000);

    expect(new Set(seen.records.map(({ partition }) => partition)).size).toBeGreaterThan(1);
    expect(atTime.map((bounds) => bounds.atTime)).toEqual(
      partitions.map(({ partition, logEnd }) => {
        const first = seen.records.find(
          (record) => record.partition === partition && record.timestampMs >= timeMs,
        );
        return first?.offset ?? logEnd;
      }),
    );
    expect(seen.violations).toEqual([]);
    expect([seen.gaps, seen.resets]).toEqual([[], []]);
    expect(seen.texts.length).toBe(new Set(seen.texts).size);
    const values = new Set(seen.texts);
    expect([...outcomes].filter(([value, outcome]) => outcome === 'ok' && !values.has(value))).toEqual([]);
    expect(
      [...outcomes].filter(([value, outcome]) => outcome === 'log-unavailable' && values.has(value)),
    ).toEqual([]);
    for (let caller = 0; caller < CALLERS; caller++) {
      const own = seen.texts
        .filter((value) => value.startsWith(`${caller}:`))
        .map((value) => Number(value.split(':')[1]));
      expect(own).toEqual(own.toSorted((a, b) => a - b));
    }
  });

  it('sends to the new leader at once what the one before has not answered, and Kafka has it once', async () => {
    const topic = newTopic();
    const place = topicAt(kafka.bootstrap, topic);
    await kafka.broker.start(0);
    await place.create({ replicas: [[3, 2, 1]] });
    const patient = {
      KAFKA_PRODUCE_DEADLINE_MS: `${PATIENCE_MS}`,
      KAFKA_REQUEST_TIMEOUT_MS: `${PATIENCE_MS}`,
    };
    const log = openKafkaLog(kafka.bootstrap, [topic], patient);
    try {
      await until(() => log.status().producer.connected, 'it is connected');
      expect(await log.append([text(topic, 'before')])).toMatchObject([{ ok: true, offset: 0n }]);
      await kafka.broker.pause(2);
      const startMs = performance.now();
      expect(await log.append([text(topic, 'meanwhile')])).toMatchObject([{ ok: true, offset: 1n }]);
      expect(performance.now() - startMs).toBeLessThan(ELECTED_MS);
    } finally {
      kafka.broker.resume(2);
      await log.close(5_000);
    }
    expect((await place.read()).flat().map(({ value }) => value)).toEqual(['before', 'meanwhile']);
  });
});
