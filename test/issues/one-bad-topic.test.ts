import { startGateway, type TestGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { openStream, type SseClient } from '../support/sse-client';
import { ACLS, topicAt } from '../support/topic';
import { until } from '../support/until';

jest.setTimeout(60_000);

interface Readyz {
  readonly status: string;
  readonly degraded: readonly { topic: string; what: string; state: string; detail: string }[];
}

const statusOf = ({ events }: SseClient) =>
  events.filter(({ event }) => event === 'gateway.status').map(({ data }) => JSON.parse(data) as object);

const dataOf = ({ events }: SseClient) =>
  events.filter(({ event }) => !event.startsWith('gateway.')).map(({ data }) => data);

/** One bad topic made the gateway unready, told every stream that Kafka was away, and reset everything. */
describe('one bad topic is not a bad cluster', () => {
  const kafka = useBroker({ properties: ACLS });
  let count = 0;

  async function topics(): Promise<{ good: string; bad: string }> {
    count++;
    const names = { good: `good-${count}`, bad: `bad-${count}` };
    for (const name of Object.values(names)) await topicAt(kafka.bootstrap, name).create();
    return names;
  }

  const start = (good: string, bad: string, env: Record<string, string> = {}) =>
    startGateway({
      EVENT_LOG: 'kafka',
      KAFKA_BROKERS: kafka.bootstrap.join(),
      KAFKA_TOPICS: `${good}=/good,${bad}=/bad`,
      KAFKA_CREATE_TOPICS: 'none',
      KAFKA_METADATA_REFRESH_MS: '200',
      KAFKA_SILENCE_MS: '1000',
      ...env,
    });

  async function readyz({ url }: TestGateway, status = 200): Promise<Readyz> {
    return until(async () => {
      const res = await fetch(`${url}/readyz`);
      return res.status === status ? ((await res.json()) as Readyz) : null;
    }, `/readyz answers ${status}`);
  }

  const degradedOf = async (gateway: TestGateway) =>
    (await readyz(gateway)).degraded.filter(({ what }) => what === 'read');

  const post = ({ url }: TestGateway, channel: string, body: string) =>
    fetch(`${url}/broadcast${channel}`, { method: 'POST', body });

  async function streams({ url }: TestGateway): Promise<Record<'all' | 'good' | 'bad', SseClient>> {
    const [all, good, bad] = await Promise.all(
      ['/events', '/subscribe/good', '/subscribe/bad/x'].map((path) => openStream(url + path)),
    );
    return { all: all!, good: good!, bad: bad! };
  }

  it('a topic that is deleted while it is read: the others go on, and its streams get gateway.status', async () => {
    const { good, bad } = await topics();
    const gateway = await start(good, bad);
    expect(await degradedOf(gateway)).toEqual([]);
    const before = await streams(gateway);
    await topicAt(kafka.bootstrap, bad).remove();
    const away = { kafka: 'interrupted', topics: [bad], reason: 'missing' };
    for (const client of [before.all, before.bad]) {
      await client.until((it) => statusOf(it).length === 1);
      expect(statusOf(client)).toEqual([away]);
    }
    expect(await degradedOf(gateway)).toMatchObject([{ topic: bad, state: 'missing' }]);
    expect((await post(gateway, '/good', 'one')).status).toBe(202);
    // Who comes now is told at its beginning.
    const later = await streams(gateway);
    expect((await post(gateway, '/good', 'two')).status).toBe(202);
    await later.good.until((client) => dataOf(client).length === 1);
    expect(statusOf(later.bad)).toEqual([away]);
    expect(statusOf(later.all)).toEqual([away]);
    expect(await (await post(gateway, '/bad', 'x')).json()).toMatchObject({
      code: 'unknown-topic',
      status: 404,
    });
    await topicAt(kafka.bootstrap, bad).create();
    for (const client of [before.all, before.bad, later.all, later.bad]) {
      await client.until((it) => statusOf(it).length === 2);
      expect(statusOf(client)[1]).toEqual({ kafka: 'ok', topics: [bad] });
    }
    expect(await degradedOf(gateway)).toEqual([]);
    await until(async () => (await post(gateway, '/bad/x', 'three')).ok, 'it takes events');
    await before.all.until((client) => dataOf(client).includes('three'));
    expect(dataOf(before.all)).toEqual(['one', 'two', 'three']);
    expect([statusOf(before.good), statusOf(later.good)]).toEqual([[], []]);
    expect(dataOf(before.good)).toEqual(['one', 'two']);
  });

  it('a topic without READ: the gateway gets ready without it and names the missing right and the principal', async () => {
    const { good, bad } = await topics();
    await topicAt(kafka.bootstrap, bad).deny(['READ']);
    const gateway = await start(good, bad);
    const degraded = await degradedOf(gateway);
    expect(degraded).toMatchObject([{ topic: bad, state: 'forbidden' }]);
    expect(degraded[0]!.detail).toContain(`User:ANONYMOUS lacks the right Read on topic ${bad}`);
    await until(
      () => gateway.logged.some(({ fields }) => 'topic' in fields && fields.topic === bad),
      'logged',
    );
    const lines = gateway.logged.filter(
      ({ level, fields }) => level === 'warn' && 'topic' in fields && fields.topic === bad,
    );
    expect(lines).toMatchObject([
      { fields: { what: 'read', state: 'forbidden', detail: degraded[0]!.detail } },
    ]);
    const { all, bad: only, good: other } = await streams(gateway);
    const away = { kafka: 'interrupted', topics: [bad], reason: 'forbidden' };
    for (const client of [all, only]) {
      await client.until((it) => statusOf(it).length === 1);
      expect(statusOf(client)).toEqual([away]);
    }
    expect((await post(gateway, '/good', 'one')).status).toBe(202);
    await other.until((client) => dataOf(client).length === 1);
    expect(statusOf(other)).toEqual([]);
    await topicAt(kafka.bootstrap, bad).deny([]);
    await only.until((client) => statusOf(client).length === 2);
    expect((await post(gateway, '/bad/x', 'two')).status).toBe(202);
    await only.until((client) => dataOf(client).includes('two'));
  });

  it('READ that is taken away later and given back: the streams miss nothing', async () => {
    const { good, bad } = await topics();
    const gateway = await start(good, bad);
    await readyz(gateway);
    const { all, good: other } = await streams(gateway);
    await topicAt(kafka.bootstrap, bad).deny(['READ']);
    await all.until((client) => statusOf(client).length === 1);
    expect((await post(gateway, '/bad', 'one')).status).toBe(202);
    expect((await post(gateway, '/good', 'two')).status).toBe(202);
    await all.until((client) => dataOf(client).length === 1);
    await topicAt(kafka.bootstrap, bad).deny([]);
    await all.until((client) => dataOf(client).length === 2);
    expect(dataOf(all)).toEqual(['two', 'one']);
    expect(statusOf(other)).toEqual([]);
  });

  it('a misspelled topic: ready, and logged with the name that was probably meant, until it appears', async () => {
    const { good } = await topics();
    await topicAt(kafka.bootstrap, 'orders').create();
    const gateway = await start(good, 'odrers');
    const [degraded] = await degradedOf(gateway);
    expect(degraded).toMatchObject({ topic: 'odrers', state: 'missing' });
    expect(degraded!.detail).toContain('did you mean orders?');
    const status = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as { topics: object[] };
    expect(status.topics).toMatchObject([
      { topic: good, read: { state: 'ok' } },
      { topic: 'odrers', read: { state: 'missing' } },
    ]);
    await until(
      () =>
        gateway.logged.filter(({ fields }) => JSON.stringify(fields).includes('did you mean orders?'))
          .length > 0,
      'it is logged',
    );
    const res = await post(gateway, '/bad', 'x');
    expect([res.status, await res.json()]).toMatchObject([404, { code: 'unknown-topic' }]);
    await topicAt(kafka.bootstrap, 'odrers').create();
    await until(async () => (await degradedOf(gateway)).length === 0, 'it is served');
    expect((await post(gateway, '/bad', 'x')).status).toBe(202);
  });

  it('READY_WHEN=all: not ready without one of its topics', async () => {
    const { good } = await topics();
    const gateway = await start(good, 'nowhere', { READY_WHEN: 'all' });
    const before = await until(async () => {
      const res = await fetch(`${gateway.url}/readyz`);
      const body = (await res.json()) as Readyz & { checks: { consumer: { detail: string } } };
      return body.checks.consumer.detail === 'not all topics' ? { res, body } : null;
    }, 'it says why');
    expect(before.res.status).toBe(503);
    expect(before.body.degraded.map(({ topic, what }) => [topic, what])).toEqual([
      ['nowhere', 'read'],
      ['nowhere', 'append'],
    ]);
    await topicAt(kafka.bootstrap, 'nowhere').create();
    await readyz(gateway);
  });
});
