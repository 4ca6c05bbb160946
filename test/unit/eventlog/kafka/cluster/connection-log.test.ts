import {
  connectionError,
  createConnectionLog,
} from '../../../../../src/eventlog/kafka/cluster/connection-error';
import { createQuietLogger } from '../../../../support/quiet-logger';

const B1 = { host: 'b1', port: 9092 };
const B2 = { host: '::1', port: 9092 };
const withCode = (code: string) =>
  connectionError(B1, 'connect', Object.assign(new Error(code), { code }), {
    phase: 'connect',
    usesTls: false,
  });

it('says each kind of failure of a broker once, then once a minute with how many there were', () => {
  const logger = createQuietLogger();
  let nowMs = 0;
  const failed = createConnectionLog(logger, () => nowMs);
  const told = () =>
    logger.lines.splice(0).map(({ level, message, fields }) => {
      const { broker, failure, failures } = fields as Record<string, unknown>;
      expect([level, message]).toEqual(['warn', 'Kafka connection failed']);
      return [broker, failure, failures];
    });

  for (let i = 0; i < 50; i++) failed(B1, withCode('ENOTFOUND'));
  failed(B2, withCode('ENOTFOUND'));
  expect(told()).toEqual([
    ['b1:9092', 'dns', 1],
    ['[::1]:9092', 'dns', 1],
  ]);

  failed(B1, withCode('ECONNREFUSED'));
  failed(B1, new Error('something else'));
  expect(told()).toEqual([
    ['b1:9092', 'refused', 50],
    ['b1:9092', 'other', 1],
  ]);

  nowMs = 59_999;
  failed(B1, withCode('ECONNREFUSED'));
  expect(told()).toEqual([]);
  nowMs = 60_000;
  failed(B1, withCode('ECONNREFUSED'));
  failed(B1, withCode('ECONNREFUSED'));
  expect(told()).toEqual([['b1:9092', 'refused', 2]]);
});

it('says what to check', () => {
  const logger = createQuietLogger();
  createConnectionLog(logger)(B1, withCode('ENOTFOUND'));
  expect(logger.lines[0]!.fields).toEqual({
    broker: 'b1:9092',
    failure: 'dns',
    error: expect.stringMatching(/^b1:9092: connect failed \(dns\): ENOTFOUND; check the name/),
    check: expect.stringContaining('KAFKA_BROKERS'),
    failures: 1,
  });
});
