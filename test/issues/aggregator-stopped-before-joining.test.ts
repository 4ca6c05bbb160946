import { type AddressInfo, createServer } from 'node:net';
import { parseConfig } from '../../src/config';
import type { EventLog, LogLayout } from '../../src/eventlog/event-log';
import { startAggregator } from '../../src/roles/aggregator';
import { createQuietLogger } from '../support/quiet-logger';

/** The stop was not heard then: a consumer was started, and stopped only when it had failed or been silent for long. */
it('an aggregator that is stopped while it asks which topics exist does not begin to join', async () => {
  let connects = 0;
  const broker = createServer((socket) => {
    connects++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => broker.listen(0, '127.0.0.1', resolve));
  const config = parseConfig({
    KAFKA_BROKERS: `127.0.0.1:${(broker.address() as AddressInfo).port}`,
    SHUTDOWN_MS: '500',
  });
  let answer: (layout: LogLayout) => void = () => undefined;
  const bounds = new Promise<LogLayout>((resolve) => {
    answer = resolve;
  });
  const log = { bounds: () => bounds } as unknown as EventLog;
  try {
    const aggregator = startAggregator({ log, topics: ['t'], config, logger: createQuietLogger() });
    const stopped = aggregator.stop();
    answer({
      clusterId: 'c',
      partitions: [{ topic: 't', partition: 0, topicId: 'i', logStart: 0n, logEnd: 0n }],
      unavailable: [],
    });
    await stopped;
    expect(connects).toBe(0);
  } finally {
    await new Promise((resolve) => broker.close(resolve));
  }
});
