import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import { parseConfig } from '../../../../../src/config';
import { createSocketFactory, tlsOptions } from '../../../../../src/eventlog/kafka/cluster/broker-socket';
import { kafkaClientOptions } from '../../../../../src/eventlog/kafka/cluster/group';
import { saslOptions } from '../../../../../src/eventlog/kafka/cluster/sasl';

const logger = { debug: jest.fn(), info: jest.fn(), warn: jest.fn(), error: jest.fn() };

it('opens sockets that send small requests at once', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const setNoDelay = jest.spyOn(Socket.prototype, 'setNoDelay');
  const setKeepAlive = jest.spyOn(Socket.prototype, 'setKeepAlive');
  const connected = new Promise<void>((resolve) => {
    const open = createSocketFactory({ connectTimeoutMs: 1_000 });
    open({ host: '127.0.0.1', port, ssl: undefined, onConnect: resolve });
  });
  await connected;
  expect(setNoDelay).toHaveBeenCalledWith(true);
  expect(setKeepAlive).toHaveBeenCalledWith(true, expect.any(Number));
  const socket = setNoDelay.mock.contexts[0] as Socket;
  socket.destroy();
  server.close();
  await once(server, 'close');
  jest.restoreAllMocks();
});

it('gives kafkajs, which takes addresses apart at their first colon, IPv6 in a form that its sockets understand', async () => {
  const server = createServer().listen(0, '::1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const { kafka } = parseConfig({ KAFKA_BROKERS: `[::1]:${port},b:1` });
  const { brokers, socketFactory } = kafkaClientOptions(kafka, logger);
  const [seed, other] = brokers as string[];
  expect(other).toBe('b:1');
  const [host] = seed!.split(':');
  expect(seed).toBe(`${host}:${port}`);
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const socket = socketFactory!({ host: host!, port, ssl: undefined as never, onConnect: () => undefined });
  const [far] = await connected;
  socket.destroy();
  far.destroy();
  server.close();
  await once(server, 'close');
});

it('gives TLS and SASL as configured, or none', () => {
  const plain = parseConfig({ KAFKA_BROKERS: 'b:1' }).kafka;
  expect([tlsOptions(plain), saslOptions(plain)]).toEqual([null, null]);
  const { kafka } = parseConfig({
    KAFKA_BROKERS: 'b:1',
    KAFKA_SSL: 'on',
    KAFKA_SSL_VERIFY: 'off',
    KAFKA_SASL_MECHANISM: 'plain',
    KAFKA_SASL_USERNAME: 'u',
    KAFKA_SASL_PASSWORD: 'p',
  });
  expect(tlsOptions(kafka)).toEqual({ rejectUnauthorized: false });
  expect(saslOptions(kafka)).toEqual({ mechanism: 'plain', username: 'u', password: 'p' });
  // kafkajs writes to it: it must not be the frozen setting, nor shared.
  expect(Object.isFrozen(saslOptions(kafka))).toBe(false);
  expect(saslOptions(kafka)).not.toBe(saslOptions(kafka));
});

it('logs what kafkajs retries as a warning, what it does not as an error, and the end of a consumer not twice', () => {
  const { logCreator } = kafkaClientOptions(parseConfig({ KAFKA_BROKERS: 'b:1' }).kafka, logger);
  const log = logCreator!(4);
  const entry = { label: '', log: { message: 'm', timestamp: '', broker: 'b:1' } };
  log({ ...entry, namespace: 'Connection', level: 1 });
  expect(logger.warn).toHaveBeenCalledWith({ kafkajs: 'Connection', broker: 'b:1' }, 'm');
  log({ ...entry, namespace: 'Fetcher', level: 1 });
  expect(logger.error).toHaveBeenCalledWith({ kafkajs: 'Fetcher', broker: 'b:1' }, 'm');
  log({ ...entry, namespace: 'Fetcher', level: 4 });
  expect(logger.debug).toHaveBeenCalledTimes(1);
  // Its stack would be the second of the same error.
  const crash = { message: 'Crash: the coordinator is loading', timestamp: '', stack: 'at …' };
  log({ ...entry, log: crash, namespace: 'Consumer', level: 1 });
  expect(logger.debug).toHaveBeenCalledTimes(2);
  expect(logger.error).toHaveBeenCalledTimes(1);
});
