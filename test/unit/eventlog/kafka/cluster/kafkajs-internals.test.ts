import {
  createKafkajsLogger,
  KafkajsConnectionPool,
  KafkajsRequestQueue,
  LOG_LEVEL,
  refuseOtherVersion,
} from '../../../../../src/eventlog/kafka/cluster/kafkajs-internals';

describe('the kafkajs that is installed', () => {
  it('is refused in any other version, saying what to do', () => {
    expect(() => refuseOtherVersion('2.2.5')).toThrow('npm install --save-exact kafkajs@2.2.4');
    expect(() => refuseOtherVersion('2.2.4')).not.toThrow();
  });

  it('is pinned to exactly that version', () => {
    const { dependencies } = require('../../../../../package.json') as { dependencies: { kafkajs: string } };
    expect(() => refuseOtherVersion(dependencies.kafkajs)).not.toThrow();
  });
});

describe('the timer of a connection’s queue', () => {
  const queueWith = (pending: readonly unknown[]) =>
    Object.assign(Object.create(KafkajsRequestQueue.prototype) as typeof KafkajsRequestQueue.prototype, {
      throttleCheckTimeoutId: null,
      throttledUntil: -1,
      pending,
    });

  it('is not armed while nothing waits', () => {
    const queue = queueWith([]);
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });

  it('looks again once something waits', async () => {
    const queue = queueWith([{}]);
    const checked = new Promise<void>((resolve) => {
      queue.checkPendingRequests = resolve;
    });
    queue.scheduleCheckPendingRequests();
    const armed = queue.throttleCheckTimeoutId;
    expect(armed).not.toBeNull();
    queue.scheduleCheckPendingRequests();
    expect(queue.throttleCheckTimeoutId).toBe(armed);
    await checked;
    expect(queue.throttleCheckTimeoutId).toBeNull();
  });
});

describe('a session with a broker', () => {
  const { pool } = new KafkajsConnectionPool({
    host: 'b',
    port: 1,
    rack: null,
    ssl: null,
    sasl: null,
    clientId: 'c',
    connectionTimeout: 1,
    requestTimeout: 1,
    enforceRequestTimeout: false,
    socketFactory: () => {
      throw new Error('nothing is to be connected');
    },
    logger: createKafkajsLogger({ level: LOG_LEVEL.NOTHING, logCreator: () => () => undefined }),
  });

  it.each([
    [3_600_000n, 3_060_000],
    [8_000n, 6_800],
    [2_000n, 1_700],
    // Not before a broker takes it.
    [1_000n, 1_100],
  ])('that lives %s ms is renewed %s ms after its beginning', (lifetimeMs, renewedMs) => {
    const connection = Object.assign(pool[0], {
      sessionLifetime: { value: lifetimeMs },
    }) as unknown as { reauthenticationThreshold: number };
    expect(Number(lifetimeMs) - connection.reauthenticationThreshold).toBe(renewedMs);
  });
});
