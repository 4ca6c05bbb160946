import { newTopic, offsets, text } from '../contract/event-log-suite';
import { openKafkaLog } from '../contract/kafka-log';
import { textOf } from '../contract/tail-recorder';
import { useEventLogs } from '../contract/use-event-logs';
import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { openStream, type SseClient } from '../support/sse-client';
import { type Topic, topicAt } from '../support/topic';
import { until } from '../support/until';

/** Four brokers end or start, each noticed only when a session ends. */
jest.setTimeout(240_000);
const ELECTION_MS = 60_000;

const KEPT = 100;
const LOST = 30;
const NEW = 50;

/** Appends one event; false when it was not taken. */
type Append = (value: string) => Promise<boolean>;

/** Two brokers hold the topic, the third keeps the cluster's quorum. */
describe('an unclean leader election', () => {
  const kafka = useBroker({ count: 3, properties: { 'broker.session.timeout.ms': '3000' } });
  const { open, tail } = useEventLogs((topics, env) => openKafkaLog(kafka.bootstrap, topics, env));
  let place: Topic;
  let topic: string;

  beforeEach(async () => {
    topic = newTopic();
    place = topicAt(kafka.bootstrap, topic);
    await place.create({
      replicas: [[1, 2]],
      config: { 'unclean.leader.election.enable': 'true', 'min.insync.replicas': '1' },
    });
  });

  async function fill(append: Append, from: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) expect(await append(`${from} ${i}`)).toBe(true);
  }

  /** What comes now is with one broker only, and goes with it; then the other one leads. */
  async function loseRecords(append: Append, wereDelivered: () => Promise<unknown>): Promise<void> {
    await kafka.broker.kill(1);
    await until(() => append('lost 0'), 'the leader goes on alone', ELECTION_MS);
    for (let i = 1; i < LOST; i++) expect(await append(`lost ${i}`)).toBe(true);
    await wereDelivered();
    await kafka.broker.kill(0);
    await kafka.broker.start(1);
    await until(() => append('new 0'), 'the other broker leads', ELECTION_MS);
    for (let i = 1; i < NEW; i++) expect(await append(`new ${i}`)).toBe(true);
  }

  it('takes records away: the tail says from where, and agrees with Kafka afterwards', async () => {
    const log = await open([topic]);
    const seen = await tail(log);
    const append: Append = async (value) => (await log.append([text(topic, value)]))[0]!.ok;
    await fill(append, 'kept', KEPT);
    await seen.sees(KEPT);
    await loseRecords(append, () => until(() => seen.texts.includes(`lost ${LOST - 1}`), 'all were read'));
    await until(() => seen.texts.includes(`new ${NEW - 1}`), 'the new records');

    const stored = (await place.read())[0]!;
    expect(stored.some(({ value }) => value.startsWith('lost'))).toBe(false);
    expect(seen.truncations).toEqual([{ topic, partition: 0, to: BigInt(KEPT) }]);
    expect([seen.gaps, seen.resets]).toEqual([[], []]);
    const truncatedAt = seen.records.findIndex((record) => textOf(record) === 'new 0');
    const kept = [...seen.records.slice(0, KEPT), ...seen.records.slice(truncatedAt)];
    expect(kept.map((record) => [String(record.offset), textOf(record)])).toEqual(
      stored.map(({ offset, value }) => [offset, value]),
    );
    offsets(await log.append([text(topic, 'after')]));
    await kafka.broker.start(0);
  });

  it('is told to the streams, also to those that come back, and what is given again is what Kafka has', async () => {
    const gateway = await startGateway({
      EVENT_LOG: 'kafka',
      KAFKA_BROKERS: kafka.bootstrap.join(),
      KAFKA_TOPICS: `${topic}=/it`,
    });
    const append: Append = async (value) =>
      (await fetch(`${gateway.url}/broadcast/it`, { method: 'POST', body: value })).ok;
    const dataOf = ({ events }: SseClient) =>
      events.filter(({ event }) => event === 'message').map(({ data }) => data);
    const resetsOf = ({ events }: SseClient) =>
      events.filter(({ event }) => event === 'gateway.reset').map(({ data }) => JSON.parse(data) as object);
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready', ELECTION_MS);
    const client = await openStream(`${gateway.url}/events`);
    await fill(append, 'kept', KEPT);
    await loseRecords(append, () => client.until((it) => dataOf(it).includes(`lost ${LOST - 1}`)));
    await client.until((it) => dataOf(it).includes(`new ${NEW - 1}`));

    const values = (from: string, count: number) => Array.from({ length: count }, (_, i) => `${from} ${i}`);
    const told = { reason: 'truncated', topics: [topic] };
    expect(resetsOf(client)).toEqual([told]);
    const resetAt = client.events.findIndex(({ event }) => event === 'gateway.reset');
    const after = client.events.slice(resetAt).filter(({ event }) => event === 'message');
    expect(after.map(({ data }) => data)).toEqual(values('new', NEW));
    const stored = (await place.read())[0]!.map(({ value }) => value);
    expect(stored).toEqual([...values('kept', KEPT), ...values('new', NEW)]);

    // From memory, from Kafka, and with an id of a record that is gone.
    const ring = await openStream(`${gateway.url}/events?from=-${KEPT + LOST + NEW}`);
    const log = await openStream(`${gateway.url}/events?from=earliest`);
    const lost = client.events.find(({ data }) => data === 'lost 10')!;
    const back = await openStream(`${gateway.url}/events`, { headers: { 'Last-Event-ID': lost.id! } });
    for (const it of [ring, log, back]) await it.until((opened) => dataOf(opened).includes(`new ${NEW - 1}`));
    expect(dataOf(ring)).toEqual(stored);
    expect(dataOf(log)).toEqual(stored);
    expect(resetsOf(back)).toEqual([told]);
    expect(dataOf(back)).toEqual(values('new', NEW));
    await kafka.broker.start(0);
  });
});
