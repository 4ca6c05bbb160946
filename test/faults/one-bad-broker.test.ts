import { openEventSource, ownOf } from '../support/event-source';
import { useBroker } from '../support/kafka';
import { startPacedPublisher } from '../support/paced-publisher';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

jest.setTimeout(180_000);

/** A gateway that starts without one of the brokers is ready this soon. */
const START_MS = 10_000;
/** A leader that went away is noticed this soon, and one that is back. */
const NOTICE_MS = 5_000;
const BACK_MS = 30_000;
/** A post to a topic on a living broker is not held up by a dead one. */
const POST_MS = 500;

interface Readyz {
  readonly degraded: readonly { topic: string; what: string; state: string; detail: string }[];
}

/** Each topic lies on one broker. A dead broker made every topic of the cluster unready, and no gateway could start. */
describe('two topics, one on a broker that dies', () => {
  const kafka = useBroker({ count: 3, properties: { 'broker.session.timeout.ms': '3000' } });
  const [HEALTHY, DEAD] = ['healthy', 'dead'];

  const spawn = () =>
    spawnGateway({
      env: {
        KAFKA_BROKERS: kafka.bootstrap.join(),
        KAFKA_TOPICS: `${HEALTHY}=/healthy,${DEAD}=/dead`,
        KAFKA_CREATE_TOPICS: 'none',
      },
    });

  async function readyz({ url }: GatewayProcess): Promise<Readyz | null> {
    const res = await fetch(`${url}/readyz`);
    return res.status === 200 ? ((await res.json()) as Readyz) : null;
  }

  /** Undefined while it is not ready. */
  async function degradedTopics(gateway: GatewayProcess): Promise<string[] | undefined> {
    const answer = await readyz(gateway);
    return answer?.degraded.filter(({ what }) => what === 'read').map(({ topic }) => topic);
  }

  async function post({ url }: GatewayProcess, channel: string, body: string) {
    const startMs = performance.now();
    const { status } = await fetch(`${url}/broadcast${channel}`, { method: 'POST', body });
    return { status, tookMs: performance.now() - startMs };
  }

  const dataOf = ({ events }: ReturnType<typeof openEventSource>) =>
    events.filter(({ event }) => event === 'message').map(({ data }) => data);

  it.each([
    ['is killed', () => kafka.broker.kill(2), () => kafka.broker.start(2)],
    ['hangs', () => kafka.broker.pause(2), () => kafka.broker.resume(2)],
  ] as const)('and %s: the other topic is served, and a new gateway gets ready', async (_, away, back) => {
    for (const [topic, broker] of [
      [HEALTHY!, 1],
      [DEAD!, 3],
    ] as const) {
      // The second case finds them.
      await topicAt(kafka.bootstrap, topic)
        .create({ replicas: [[broker]], config: { 'min.insync.replicas': '1' } })
        .catch((error: Error) => expect(String(error)).toContain('already exists'));
    }
    const gateway = await spawn();
    await until(async () => (await degradedTopics(gateway))?.length === 0, 'the gateway is ready', START_MS);
    const healthy = openEventSource(`${gateway.url}/subscribe/healthy`);
    const dead = openEventSource(`${gateway.url}/subscribe/dead`);
    await until(() => healthy.isOpen && dead.isOpen, 'the streams are open');
    expect((await post(gateway, '/dead', 'before')).status).toBe(202);
    const published = startPacedPublisher([gateway.url], {
      prefix: 'flow',
      perSecond: 50,
      channel: '/healthy',
    });
    await until(() => published.stored.size > 50, 'events flow');

    await away();
    await until(() => ownOf(dead, 'status').length > 0, 'the stream that is concerned is told', NOTICE_MS);
    expect(ownOf(dead, 'status')).toEqual([{ kafka: 'interrupted', topics: [DEAD], reason: 'unreachable' }]);
    expect(await degradedTopics(gateway)).toEqual([DEAD]);
    const posts = [];
    for (let i = 0; i < 20; i++) posts.push(await post(gateway, '/healthy', `post ${i}`));
    expect(posts.filter(({ status }) => status !== 202)).toEqual([]);
    expect(Math.max(...posts.map(({ tookMs }) => tookMs))).toBeLessThan(POST_MS);

    const late = await spawn();
    await until(
      async () => (await degradedTopics(late))?.join() === DEAD,
      'a new gateway is ready',
      START_MS,
    );
    const lateHealthy = openEventSource(`${late.url}/subscribe/healthy`);
    const lateDead = openEventSource(`${late.url}/subscribe/dead`);
    await until(() => lateHealthy.isOpen && lateDead.isOpen, 'its streams are open');
    await until(() => ownOf(lateDead, 'status').length === 1, 'its stream is told');
    expect((await post(late, '/healthy', 'from the new one')).status).toBe(202);
    await until(() => dataOf(lateHealthy).includes('from the new one'), 'it delivers');

    await back();
    for (const told of [dead, lateDead]) {
      await until(() => ownOf(told, 'status').length === 2, 'it is told that the topic is back', BACK_MS);
      expect(ownOf(told, 'status')[1]).toEqual({ kafka: 'ok', topics: [DEAD] });
    }
    for (const it of [gateway, late]) expect(await degradedTopics(it)).toEqual([]);
    await until(async () => (await post(gateway, '/dead', 'after')).status === 202, 'the topic takes events');
    for (const source of [dead, lateDead])
      await until(() => dataOf(source).includes('after'), 'the event arrives');
    // It was written before the new gateway was there.
    expect(dataOf(lateDead)).not.toContain('before');

    await published.stop();
    expect(published.uncertain.size).toBe(0);
    await until(
      () => [...published.stored.keys()].every((data) => dataOf(healthy).includes(data)),
      'all of the healthy topic',
    );
    expect([ownOf(healthy, 'status'), ownOf(lateHealthy, 'status')]).toEqual([[], []]);
    expect(new Set(dataOf(healthy)).size).toBe(dataOf(healthy).length);
  });
});
