import {
  AclOperationTypes,
  AclPermissionTypes,
  AclResourceTypes,
  Kafka,
  logLevel,
  ResourcePatternTypes,
} from 'kafkajs';
import { startGateway, type TestGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { ACLS, topicAt } from '../support/topic';
import { until } from '../support/until';

jest.setTimeout(60_000);
const READY_MS = 20_000;

const TOPICS = 'good=/good,bad=/bad';

/**
 * A right that is missing on one topic, or a topic that was deleted, was answered 503 with Retry-After, for ever, and
 * for all topics.
 */
describe('posts to a topic that cannot be written, beside one that can', () => {
  const kafka = useBroker({ properties: ACLS });
  const topic = (name: string) => topicAt(kafka.bootstrap, name);
  let gateway: TestGateway;

  beforeEach(async () => {
    for (const name of ['good', 'bad']) await topic(name).create();
    gateway = await startGateway({
      EVENT_LOG: 'kafka',
      KAFKA_BROKERS: kafka.bootstrap.join(),
      KAFKA_TOPICS: TOPICS,
      KAFKA_METADATA_REFRESH_MS: '200',
    });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready', READY_MS);
  });

  afterEach(async () => {
    await topic('bad').deny([]);
    for (const name of ['good', 'bad']) await topic(name).remove();
  });

  async function post(channel: string): Promise<{ status: number; retryAfter: string | null; body: object }> {
    const res = await fetch(`${gateway.url}/broadcast${channel}`, { method: 'POST', body: 'x' });
    return {
      status: res.status,
      retryAfter: res.headers.get('retry-after'),
      body: (await res.json()) as object,
    };
  }

  async function postBatch(...channels: string[]): Promise<{ status: number; body: object }> {
    const res = await fetch(`${gateway.url}/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(channels.map((channel) => ({ channel, data: 'x' }))),
    });
    return { status: res.status, body: (await res.json()) as object };
  }

  const appendState = async (name: string) => {
    const status = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as {
      topics: { topic: string; append: { state: string; detail: string | null } }[];
    };
    return status.topics.find((found) => found.topic === name)!.append;
  };

  /** Leaves reading, on all topics; answers what gives the rights back. */
  async function takeAllWriting(): Promise<() => Promise<void>> {
    const admin = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING }).admin();
    const anyone = { principal: 'User:*', host: '*', resourcePatternType: ResourcePatternTypes.LITERAL };
    const topics = { ...anyone, resourceType: AclResourceTypes.TOPIC, resourceName: '*' };
    const cluster = { ...anyone, resourceType: AclResourceTypes.CLUSTER, resourceName: 'kafka-cluster' };
    const { ALLOW, DENY } = AclPermissionTypes;
    await admin.connect();
    await admin.createAcls({
      acl: [
        { ...topics, operation: AclOperationTypes.READ, permissionType: ALLOW },
        { ...cluster, operation: AclOperationTypes.ALL, permissionType: ALLOW },
        { ...cluster, operation: AclOperationTypes.IDEMPOTENT_WRITE, permissionType: DENY },
      ],
    });
    return async () => {
      const any = { operation: AclOperationTypes.ANY, permissionType: AclPermissionTypes.ANY };
      await admin.deleteAcls({
        filters: [
          { ...topics, ...any },
          { ...cluster, ...any },
        ],
      });
      await admin.disconnect();
    };
  }

  it.each([
    ['one topic', ['bad']],
    ['all topics', ['bad', 'good']],
  ])('are rejected with the missing right, on %s', async (_, denied) => {
    for (const name of denied) await topic(name).deny(['WRITE']);
    try {
      await until(async () => (await post('/bad')).status === 403, 'the broker knows that the right is gone');
      const refused = await post('/bad');
      expect(refused).toMatchObject({
        status: 403,
        retryAfter: null,
        body: { code: 'topic-forbidden', topic: 'bad', detail: expect.stringMatching(/WRITE on topic bad/) },
      });
      expect(await appendState('bad')).toMatchObject({
        state: 'forbidden',
        detail: expect.stringMatching(/User:ANONYMOUS lacks the right Write on topic bad/),
      });
      const logged = () =>
        gateway.logged.filter(({ fields }) => {
          const { topic: name, state } = fields as { topic?: string; state?: string };
          return name === 'bad' && state === 'forbidden';
        });
      await until(() => logged().length > 0, 'it is logged');
      expect(logged()).toMatchObject([
        { level: 'warn', message: 'Topic unavailable', fields: { what: 'append', state: 'forbidden' } },
      ]);
      const goodStatus = denied.includes('good') ? 403 : 202;
      expect((await post('/good')).status).toBe(goodStatus);
      expect(await postBatch('/bad', '/good')).toMatchObject(
        goodStatus === 202
          ? { status: 207, body: { results: [{ status: 403, code: 'topic-forbidden' }, { status: 202 }] } }
          : { status: 403, body: { code: 'topic-forbidden', results: [{ status: 403 }, { status: 403 }] } },
      );
    } finally {
      for (const name of denied) await topic(name).deny([]);
    }
    await until(async () => (await post('/bad')).status === 202, 'the broker knows that the right is back');
    await until(async () => (await appendState('bad')).state === 'ok', 'the status says that it is over');
  });

  it('are rejected with the missing right when the producer id is denied', async () => {
    const giveBack = await takeAllWriting();
    try {
      await until(
        async () => (await post('/bad')).status === 403,
        'the broker knows that the rights are gone',
      );
      expect((await post('/bad')).body).toMatchObject({
        code: 'topic-forbidden',
        detail: expect.stringMatching(/WRITE on topic bad .*IDEMPOTENT_WRITE on the cluster/),
      });
      expect((await appendState('bad')).state).toBe('forbidden');
    } finally {
      await giveBack();
    }
    await until(async () => (await post('/bad')).status === 202, 'the broker knows that they are back');
  });

  it('are answered 404 when the topic was deleted, and stored as soon as it is there again', async () => {
    expect((await post('/bad')).status).toBe(202);
    await topic('bad').remove();
    await until(async () => (await post('/bad')).status === 404, 'the topic counts as missing');
    expect(await post('/bad')).toMatchObject({
      status: 404,
      retryAfter: null,
      body: { code: 'unknown-topic', detail: expect.stringMatching(/topic bad/) },
    });
    expect(await postBatch('/good', '/bad')).toMatchObject({
      status: 207,
      body: { results: [{ status: 202 }, { status: 404, code: 'unknown-topic' }] },
    });
    expect((await appendState('bad')).state).toBe('missing');
    expect((await appendState('good')).state).toBe('ok');
    await topic('bad').create();
    await until(async () => (await post('/bad')).status === 202, 'events are taken again');
  });
});
