import type { EventLog } from '../../src/eventlog/event-log';
import { newTopic, offsets, text } from '../contract/event-log-suite';
import { openKafkaLog } from '../contract/kafka-log';
import { textOf } from '../contract/tail-recorder';
import { useEventLogs } from '../contract/use-event-logs';
import { useBroker } from '../support/kafka';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

/** Four brokers end or start, each noticed only when a session ends. */
jest.setTimeout(240_000);
const ELECTION_MS = 60_000;

const KEPT = 100;
const LOST = 30;

/** Two brokers hold the topic, the third keeps the cluster's quorum. */
describe('an unclean leader election', () => {
  const kafka = useBroker({ count: 3, properties: { 'broker.session.timeout.ms': '3000' } });
  const { open, tail } = useEventLogs((topics, env) => openKafkaLog(kafka.bootstrap, topics, env));

  const values = (from: string, count: number) => Array.from({ length: count }, (_, i) => `${from} ${i}`);

  async function append(log: EventLog, topic: string, wanted: readonly string[]): Promise<void> {
    for (const value of wanted) offsets(await log.append([text(topic, value)]));
  }

  it('takes records away: the tail says from where, and agrees with Kafka afterwards', async () => {
    const topic = newTopic();
    const place = topicAt(kafka.bootstrap, topic);
    await place.create({
      replicas: [[1, 2]],
      config: { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' },
    });
    const log = await open([topic]);
    const seen = await tail(log);
    await append(log, topic, values('kept', KEPT));
    await seen.sees(KEPT);

    // What comes now is with one broker only, and goes with it.
    await kafka.broker.kill(1);
    await until(
      async () => (await log.append([text(topic, 'lost 0')]))[0]!.ok,
      'the leader goes on alone',
      ELECTION_MS,
    );
    await append(log, topic, values('lost', LOST).slice(1));
    await until(() => seen.texts.includes(`lost ${LOST - 1}`), 'all were read');
    await kafka.broker.kill(0);
    await kafka.broker.start(1);
    await until(
      async () => (await log.append([text(topic, 'new 0')]))[0]!.ok,
      'the other broker leads',
      ELECTION_MS,
    );
    await append(log, topic, values('new', 50).slice(1));
    await until(() => seen.texts.includes('new 49'), 'the new records');

    const stored = (await place.read())[0]!;
    expect(stored.some(({ value }) => value.startsWith('lost'))).toBe(false);
    expect(seen.truncations).toEqual([{ topic, partition: 0, to: BigInt(KEPT) }]);
    expect([seen.gaps, seen.resets]).toEqual([[], []]);
    const truncatedAt = seen.records.findIndex((record) => textOf(record) === 'new 0');
    const kept = [...seen.records.slice(0, KEPT), ...seen.records.slice(truncatedAt)];
    expect(kept.map((record) => [String(record.offset), textOf(record)])).toEqual(
      stored.map(({ offset, value }) => [offset, value]),
    );
  });
});
