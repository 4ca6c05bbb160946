import { setTimeout as pause } from 'node:timers/promises';
import { KafkaJSProtocolError } from 'kafkajs';
import { parseConfig } from '../../../src/config';
import { GatewayError } from '../../../src/errors';
import type { EventLog } from '../../../src/eventlog/event-log';
import { startAggregator } from '../../../src/roles/aggregator';

const config = parseConfig({
  KAFKA_BROKERS: '127.0.0.1:1',
  KAFKA_RETRY_MIN_MS: '1',
  KAFKA_RETRY_MAX_MS: '1',
});
const loading = new KafkaJSProtocolError({ message: 'The coordinator is loading', code: 14 } as never);

it.each([
  ['the message of an error of kafkajs', loading, { error: 'The coordinator is loading' }],
  ['that of an error of the event log', new GatewayError('log-unavailable', 'away'), { error: 'away' }],
  ['the whole of any other', new TypeError('a defect'), { err: new TypeError('a defect') }],
])('logs %s, once while it goes on', async (_, error, shown) => {
  const logger = { debug: jest.fn(), info: jest.fn(), warn: jest.fn(), error: jest.fn() };
  const log = { bounds: () => Promise.reject(error) } as unknown as EventLog;
  const aggregator = startAggregator({ log, topics: ['t'], config, logger });
  while (logger.debug.mock.calls.length < 2) await pause(1);
  await aggregator.stop();
  const message = 'Aggregation interrupted; resuming from the committed offsets';
  expect(logger.warn.mock.calls).toEqual([[{ ...shown, topics: ['t'] }, message]]);
});
