import { useBroker } from '../support/kafka';
import { createPostedEvents, type StoredEvent } from '../support/posted-events';
import { spawnGateway } from '../support/process';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

jest.setTimeout(180_000);
const READY_MS = 20_000;
/** A first post may use its whole deadline; answering takes a little longer. */
const FIRST_ANSWER_MS = 5_500;
/** Once it is known that the broker is away. */
const REFUSAL_MS = 100;
const BACK_MS = 30_000;
/** Posts to a leader that is there, on a busy machine: far below any timeout or backoff of what is away. */
const HEALTHY_MS = 1_000;

/** One topic's only broker is away: all appends waited for it, and those to other topics were refused as well. */
describe('posts to two topics while the broker of one of them', () => {
  const kafka = useBroker({ count: 3, properties: { 'broker.session.timeout.ms': '3000' } });
  const DEAD = 2;

  it.each([
    ['is killed', { away: () => kafka.broker.kill(DEAD), back: () => kafka.broker.start(DEAD) }],
    ['hangs', { away: () => kafka.broker.pause(DEAD), back: async () => kafka.broker.resume(DEAD) }],
  ])('%s: those to the other are stored as ever', async (how, { away, back }) => {
    const names = [`healthy-${how.replace(' ', '-')}`, `sick-${how.replace(' ', '-')}`] as const;
    const [healthy, sick] = names.map((name) => topicAt(kafka.bootstrap, name));
    await healthy!.create({ replicas: [[1], [2]], config: { 'min.insync.replicas': '1' } });
    await sick!.create({ replicas: [[DEAD + 1]], config: { 'min.insync.replicas': '1' } });
    const gateway = await spawnGateway({
      env: {
        KAFKA_BROKERS: kafka.bootstrap.join(),
        KAFKA_TOPICS: `${names[0]}=/healthy,${names[1]}=/sick`,
      },
    });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready', READY_MS);

    const toHealthy = createPostedEvents();
    let slowestMs = 0;
    let isRunning = true;
    const flow = (async () => {
      for (let i = 0; isRunning; i++) {
        const startMs = performance.now();
        await toHealthy.post(`${gateway.url}/broadcast/healthy?key=${i}`, `healthy-${i}`);
        slowestMs = Math.max(slowestMs, performance.now() - startMs);
      }
    })();
    const storedSick = new Map<string, StoredEvent>();
    let next = 0;
    const postSick = async () => {
      const startMs = performance.now();
      const data = `sick-${next++}`;
      const res = await fetch(`${gateway.url}/broadcast/sick`, { method: 'POST', body: data });
      const tookMs = performance.now() - startMs;
      if (res.status === 202) storedSick.set(data, (await res.json()) as StoredEvent);
      return { status: res.status, retryAfter: Number(res.headers.get('retry-after')), tookMs };
    };
    try {
      await until(() => toHealthy.stored.size > 50, 'events flow');
      expect((await postSick()).status).toBe(202);

      await away();
      const first = await postSick();
      expect(first.status).toBe(503);
      expect(first.tookMs).toBeLessThan(FIRST_ANSWER_MS);
      for (let i = 0; i < 20; i++) {
        const refused = await postSick();
        expect(refused.status).toBe(503);
        expect(refused.retryAfter).toBeGreaterThan(0);
        expect(refused.tookMs).toBeLessThan(REFUSAL_MS);
      }
      const batch = await fetch(`${gateway.url}/events`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify([
          { channel: '/healthy', data: 'batch' },
          { channel: '/sick', data: 'batch' },
        ]),
      });
      expect([batch.status, await batch.json()]).toMatchObject([
        207,
        { results: [{ status: 202 }, { status: 503, code: 'log-unavailable' }] },
      ]);
      const status = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as {
        producer: { connected: boolean };
        topics: { append: { state: string } }[];
      };
      expect(status.producer.connected).toBe(true);
      expect(status.topics.map(({ append }) => append.state)).toEqual(['ok', 'interrupted']);
      const before = toHealthy.stored.size;
      await until(() => toHealthy.stored.size > before + 100, 'events flow meanwhile');

      await back();
      await until(async () => (await postSick()).status === 202, 'events are taken again', BACK_MS);
    } finally {
      isRunning = false;
      await flow;
    }
    expect([...toHealthy.uncertain]).toEqual([]);
    expect(slowestMs).toBeLessThan(HEALTHY_MS);
    for (const [topic, stored] of [
      [healthy!, toHealthy.stored],
      [sick!, storedSick],
    ] as const) {
      const held = await topic.read();
      const values = held.flat().map(({ value }) => value);
      expect(values.length).toBe(new Set(values).size);
      for (const [data, { partition, offset }] of stored)
        expect(held[partition]![Number(offset)]).toMatchObject({ offset, value: data });
    }
  });
});
