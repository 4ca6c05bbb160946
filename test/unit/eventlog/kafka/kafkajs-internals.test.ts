import { KafkajsRequestQueue, refuseOtherVersion } from '../../../../src/eventlog/kafka/kafkajs-internals';

describe('the kafkajs that is installed', () => {
  it('is refused in any other version, saying what to do', () => {
    expect(() => refuseOtherVersion('2.2.5')).toThrow('npm install --save-exact kafkajs@2.2.4');
    expect(() => refuseOtherVersion('2.2.4')).not.toThrow();
  });

  it('is pinned to exactly that version', () => {
    const { dependencies } = require('../../../../package.json') as { dependencies: { kafkajs: string } };
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
