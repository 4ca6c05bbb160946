import { setTimeout as pace } from 'node:timers/promises';
import type { EventLog, Service } from '../../src/eventlog/event-log';
import { useBroker } from '../support/kafka';
import { ACLS, topicAt } from '../support/topic';
import { until } from '../support/until';
import { newTopic, offsets, text } from './event-log-suite';
import { openKafkaLog } from './kafka-log';
import { useEventLogs } from './use-event-logs';

jest.setTimeout(60_000);

const FRESH = { KAFKA_METADATA_REFRESH_MS: '200', KAFKA_SILENCE_MS: '1000' };

const untilReadIs = (log: EventLog, topic: string, state: Service['state']) =>
  until(() => {
    const read = readOf(log, topic);
    return read.state === state ? read : null;
  }, `${topic} is ${state}`);

const readOf = (log: EventLog, topic: string): Service =>
  log.status().topics.find((status) => status.topic === topic)!.read;

/** One bad partition or topic is not a bad cluster. */
describe('kafka event log with a topic that cannot be read', () => {
  const kafka = useBroker({ properties: ACLS });
  const { open, tail } = useEventLogs((topics, env) => openKafkaLog(kafka.bootstrap, topics, env));

  const topicOf = (topic: string) => topicAt(kafka.bootstrap, topic);

  /** Appends to the topic all the time, until it is told to end; answers what was stored. */
  function appendTo(log: EventLog, topic: string): () => Promise<string[]> {
    const stored: string[] = [];
    let isRunning = true;
    const running = (async () => {
      for (let i = 0; isRunning; i++) {
        const [result] = await log.append([text(topic, `${topic} ${i}`)]);
        if (result!.ok) stored.push(`${topic} ${i}`);
        await pace(2);
      }
    })();
    return async () => {
      isRunning = false;
      await running;
      return stored;
    };
  }

  it('resets a topic that was deleted and created again, and no other', async () => {
    const [good, bad] = [newTopic(), newTopic()];
    const log = await open([good, bad], FRESH);
    const seen = await tail(log);
    offsets(await log.append([text(bad, 'old')]));
    const finish = appendTo(log, good);
    await topicOf(bad).recreate(1);
    await until(() => seen.resets.length > 0, 'the reset');
    const stored = await finish();
    expect(seen.resets).toMatchObject([{ reason: 'recreated', topics: [bad] }]);
    expect(seen.resets[0]!.layout.partitions.map(({ topic }) => topic)).toEqual([bad, good]);
    const ofGood = () => seen.texts.filter((value) => value.startsWith(good));
    await until(() => ofGood().length >= stored.length, 'all of the other topic was read');
    expect(ofGood().slice(0, stored.length)).toEqual(stored);
    await untilReadIs(log, bad, 'ok');
    await until(async () => (await log.append([text(bad, 'new')]))[0]!.ok, 'appends work again');
    await until(() => seen.texts.includes('new'), 'the new record');
  });

  it('goes on without a topic that was removed, names it, and resets it when it is there again', async () => {
    const [good, bad] = [newTopic(), newTopic()];
    const log = await open([good, bad], FRESH);
    const seen = await tail(log);
    await topicOf(bad).remove();
    const missing = await untilReadIs(log, bad, 'missing');
    expect(missing.detail).toContain(bad);
    expect(log.status().consumer).toMatchObject({
      connected: true,
      partitions: [
        { topic: good, read: { state: 'ok' } },
        { topic: bad, read: { state: 'missing' } },
      ],
    });
    expect(readOf(log, good).state).toBe('ok');
    await topicOf(bad).create();
    await until(() => seen.resets.length > 0, 'the reset');
    expect(seen.resets).toMatchObject([{ reason: 'recreated', topics: [bad] }]);
    await untilReadIs(log, bad, 'ok');
  });

  it('names a topic that was never there, and is connected without it', async () => {
    const [good, bad] = [newTopic(), newTopic()];
    const log = await open([bad, good], { ...FRESH, KAFKA_CREATE_TOPICS: good });
    const seen = await tail(log);
    await until(() => log.status().consumer.connected, 'the consumer is connected');
    expect(readOf(log, bad)).toMatchObject({ state: 'missing', detail: expect.stringContaining(bad) });
    expect(readOf(log, good).state).toBe('ok');
    await topicOf(bad).create();
    await untilReadIs(log, bad, 'ok');
    expect(seen.added).toMatchObject([{ topic: bad, start: 0n }]);
  });

  it.each([
    ['READ', 'Read'],
    ['DESCRIBE', 'Describe'],
  ] as const)(
    'starts without a topic that it has no right to %s, and reads it from what was written since',
    async (right, shown) => {
      const [good, bad] = [newTopic(), newTopic()];
      await topicOf(bad).create();
      await topicOf(bad).produce([{ value: 'old', partition: 0 }]);
      // Records of the last seconds before the start may come, since clocks differ.
      await pace(Number(FRESH.KAFKA_SILENCE_MS) + 200);
      await topicOf(bad).deny([right]);
      const log = await open([good, bad], { ...FRESH, KAFKA_CREATE_TOPICS: good });
      const seen = await tail(log);
      expect(seen.layout!.partitions.map(({ topic }) => topic)).toEqual([good]);
      await until(() => log.status().consumer.connected, 'the consumer is connected');
      await untilReadIs(log, bad, 'forbidden');
      expect(readOf(log, bad).detail).toContain(`User:ANONYMOUS lacks the right ${shown} on topic ${bad}`);
      expect((await log.bounds()).partitions.map(({ topic }) => topic)).toEqual([good]);
      offsets(await log.append([text(good, 'good')]));
      await seen.sees(1);
      if (right === 'READ') await topicOf(bad).produce([{ value: 'meanwhile', partition: 0 }]);
      await topicOf(bad).deny([]);
      await untilReadIs(log, bad, 'ok');
      await topicOf(bad).produce([{ value: 'later', partition: 0 }]);
      await until(() => seen.texts.includes('later'), 'the record');
      expect(seen.texts).toEqual(['good', ...(right === 'READ' ? ['meanwhile'] : []), 'later']);
    },
  );

  it('keeps its place in a topic whose right READ is taken away for a while', async () => {
    const [good, bad] = [newTopic(), newTopic()];
    const log = await open([good, bad], FRESH);
    const seen = await tail(log);
    offsets(await log.append([text(bad, '0')]));
    await seen.sees(1);
    await topicOf(bad).deny(['READ']);
    const forbidden = await untilReadIs(log, bad, 'forbidden');
    expect(forbidden.detail).toContain(`lacks the right Read on topic ${bad}`);
    expect(log.status().consumer.connected).toBe(true);
    expect((await log.bounds()).unavailable).toMatchObject([{ topic: bad, reason: 'forbidden' }]);
    await topicOf(bad).produce([{ value: '1', partition: 0 }]);
    offsets(await log.append([text(good, 'good')]));
    await seen.sees(2);
    await topicOf(bad).deny([]);
    await until(() => seen.texts.includes('1'), 'what was written meanwhile');
    expect(seen.texts).toEqual(['0', 'good', '1']);
    expect(readOf(log, bad).state).toBe('ok');
  });

  it('is not connected when nothing can be read', async () => {
    const bad = newTopic();
    await topicOf(bad).create();
    await topicOf(bad).deny(['READ']);
    const log = await open([bad], FRESH);
    await tail(log);
    await untilReadIs(log, bad, 'forbidden');
    expect(log.status().consumer).toMatchObject({ connected: false });
    expect(log.status().consumer.lastError!.message).toContain('lacks the right Read');
    await topicOf(bad).deny([]);
    await until(() => log.status().consumer.connected, 'it is connected');
  });
});
