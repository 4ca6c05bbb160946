import { setTimeout as pace } from 'node:timers/promises';
import { type Broker, startBroker } from '../../infra/local/broker';
import { freePorts } from '../../infra/local/ports';
import type { EventLog } from '../../src/eventlog/event-log';
import { useBroker } from '../support/kafka';
import { until } from '../support/until';
import { codeOf, newTopic, offsets, text } from './event-log-suite';
import { openKafkaLog } from './kafka-log';
import { TailRecorder } from './tail-recorder';
import { CLOSE_MS, useEventLogs } from './use-event-logs';

/** How soon losing Kafka and finding it again is told (docs/reliability.md). */
const STATUS_MS = 5_000;

jest.setTimeout(60_000);

describe('kafka event log while the broker is away', () => {
  const kafka = useBroker();
  const { open, tail } = useEventLogs((topics, env) => openKafkaLog(kafka.bootstrap, topics, env));

  it('answers every append and loses and doubles nothing through a broker’s kill and restart', async () => {
    const topic = newTopic();
    const log = await open([topic]);
    const seen = await tail(log);
    const outcomes = new Map<string, string>();
    let appending = true;
    const appends = (async () => {
      for (let i = 0; appending; i++) {
        const value = String(i);
        const [result] = await log.append([text(topic, value)]);
        outcomes.set(value, codeOf(result!));
        if (!result!.ok) await pace(5);
      }
    })();
    const acked = () => [...outcomes].filter(([, outcome]) => outcome === 'ok').map(([value]) => value);
    await until(() => acked().length > 100, 'some appends');
    await kafka.broker.kill();
    await untilLost(log);
    await kafka.broker.start();
    await untilConnected(log);
    const before = acked().length;
    await until(() => acked().length > before + 100, 'appends go on');
    appending = false;
    await appends;
    await until(() => seen.texts.includes(acked().at(-1)!), 'the last record');
    expect(new Set(outcomes.values()).has('log-unavailable')).toBe(true);
    expectOnceInOrder(seen.texts, acked(), outcomes);
  });

  it('tells within 5 s when the broker hangs and when it is back, answers appends, and loses nothing', async () => {
    const topic = newTopic();
    const log = await open([topic], { KAFKA_PRODUCE_DEADLINE_MS: '2500' });
    const seen = await tail(log);
    const outcomes = new Map<string, string>();
    const append = async (value: string) => {
      const [result] = await log.append([text(topic, value)]);
      outcomes.set(value, codeOf(result!));
      return codeOf(result!);
    };
    expect(await append('0')).toBe('ok');
    await kafka.broker.pause();
    const hangMs = performance.now();
    try {
      expect(await append('1')).toBe('outcome-unknown');
      expect(performance.now() - hangMs).toBeLessThan(3_000);
      await untilLost(log, STATUS_MS - (performance.now() - hangMs));
      const refusedMs = performance.now();
      expect(await append('2')).toBe('log-unavailable');
      expect(performance.now() - refusedMs).toBeLessThan(100);
    } finally {
      kafka.broker.resume();
    }
    await untilConnected(log);
    for (let i = 3; i < 20; i++) expect(await append(String(i))).toBe('ok');
    await until(() => seen.texts.includes('19'), 'the last record');
    const acked = [...outcomes].filter(([, outcome]) => outcome === 'ok').map(([value]) => value);
    expectOnceInOrder(seen.texts, acked, outcomes);
  });

  it('closes in time while the broker hangs, and says what it does not know', async () => {
    const topic = newTopic();
    const log = await open([topic]);
    await tail(log);
    // From now on a record can be handed to the network at once.
    offsets(await log.append([text(topic, 'first')]));
    await kafka.broker.pause();
    try {
      const pending = log.append([text(topic, 'x')]);
      const startMs = performance.now();
      await log.close(300);
      expect(performance.now() - startMs).toBeLessThan(800);
      expect((await pending).map(codeOf)).toEqual(['outcome-unknown']);
    } finally {
      kafka.broker.resume();
    }
  });

  it('notices a hang while idle, and one that outlasts every request', async () => {
    const log = await open([newTopic()], {
      KAFKA_SILENCE_MS: '1000',
      KAFKA_REQUEST_TIMEOUT_MS: '1000',
      KAFKA_CONNECT_TIMEOUT_MS: '1000',
    });
    await tail(log);
    await until(() => log.status().consumer.connected, 'the consumer is connected');
    await kafka.broker.pause();
    try {
      await untilLost(log);
      await until(
        () => /connect/.test(log.status().consumer.lastError?.message ?? ''),
        'a new connection hangs too',
      );
      expect(log.status().consumer.lastError!.resolvedAt).toBeNull();
      await expect(log.bounds()).rejects.toMatchObject({ code: 'log-unavailable' });
    } finally {
      kafka.broker.resume();
    }
    await untilConnected(log);
    // An outage that is over looked like one that goes on.
    const { consumer, producer } = log.status();
    for (const { lastError, stateSince } of [consumer, producer]) {
      expect(lastError).toMatchObject({ message: expect.any(String), resolvedAt: expect.any(String) });
      expect(Date.parse(lastError!.resolvedAt!)).toBeGreaterThanOrEqual(Date.parse(lastError!.at));
      expect(Math.abs(Date.parse(lastError!.resolvedAt!) - Date.parse(stateSince))).toBeLessThan(50);
    }
  });
});

describe('kafka event log without a broker', () => {
  let broker: Broker | null = null;
  afterAll(() => broker?.close());

  it('starts, refuses at once, works as soon as one is there, and resets for another cluster', async () => {
    const [port] = await freePorts(1);
    const topic = newTopic();
    const log = openKafkaLog([`127.0.0.1:${port}`], [topic]);
    const seen = new TailRecorder();
    log.tail(seen);
    try {
      const startMs = performance.now();
      expect((await log.append([text(topic, 'x')])).map(codeOf)).toEqual(['log-unavailable']);
      expect(performance.now() - startMs).toBeLessThan(100);
      await expect(log.bounds()).rejects.toMatchObject({ code: 'log-unavailable' });
      await expect(log.read({ topic, partition: 0 }, 0n, 1n, { maxBytes: 1 })).rejects.toMatchObject({
        code: 'log-unavailable',
      });
      await until(() => log.status().consumer.lastError, 'the error is told');
      expect(log.status().producer).toMatchObject({ connected: false, state: 'starting' });
      broker = await startBroker({ port: port! });
      await untilConnected(log);
      offsets(await log.append([text(topic, 'first')]));
      await seen.sees(1);

      // Another cluster at the same address: new data, new ids.
      await broker.close();
      broker = await startBroker({ port: port! });
      await until(() => seen.resets.length > 0, 'the reset');
      expect(seen.resets[0]).toMatchObject({ reason: 'cluster' });
      expect(seen.resets[0]!.layout.clusterId).not.toBe(seen.layout!.clusterId);
      await until(
        async () => (await log.append([text(topic, 'second')])).every(({ ok }) => ok),
        'appends work there',
      );
      await until(() => seen.texts.includes('second'), 'the record of the other cluster');
    } finally {
      await log.close(CLOSE_MS);
    }
    expect(seen.violations).toEqual([]);
  });

  it('closes at once', async () => {
    const [port] = await freePorts(1);
    const log = openKafkaLog([`127.0.0.1:${port}`], [newTopic()]);
    log.tail(new TailRecorder());
    const startMs = performance.now();
    await log.close(CLOSE_MS);
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});

async function untilLost(log: EventLog, deadlineMs: number = STATUS_MS): Promise<void> {
  const isLost = () => !log.status().producer.connected && !log.status().consumer.connected;
  await until(isLost, 'the loss is noticed', deadlineMs);
}

async function untilConnected(log: EventLog): Promise<void> {
  const isBack = () => log.status().producer.connected && log.status().consumer.connected;
  await until(isBack, 'it is connected', STATUS_MS);
}

/** Every acked value was seen exactly once, in order; of the others only those of unknown outcome may have been seen. */
function expectOnceInOrder(
  seen: readonly string[],
  acked: readonly string[],
  outcomes: ReadonlyMap<string, string>,
): void {
  expect(seen).toEqual([...new Set(seen)]);
  expect(seen.map(Number)).toEqual(seen.map(Number).toSorted((a, b) => a - b));
  const values = new Set(seen);
  expect(acked.filter((value) => !values.has(value))).toEqual([]);
  for (const value of seen) expect(['ok', 'outcome-unknown']).toContain(outcomes.get(value));
}
