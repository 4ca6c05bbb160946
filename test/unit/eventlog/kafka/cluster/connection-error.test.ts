import dns from 'node:dns';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { parseConfig } from '../../../../../src/config';
import { BrokerLinks } from '../../../../../src/eventlog/kafka/cluster/broker-links';
import { ConnectionError } from '../../../../../src/eventlog/kafka/cluster/connection-error';
import { createQuietLogger } from '../../../../support/quiet-logger';

const TLS = join(__dirname, '../../../../support/fixtures/tls');
const keystore = readFileSync(join(TLS, 'keystore.pem'), 'utf8');

const closing: (() => void)[] = [];
afterEach(() => {
  jest.restoreAllMocks();
  for (const close of closing.splice(0)) close();
});

/** Port of a server on 127.0.0.1. */
async function portOf(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** Why a link to this broker cannot be opened. */
async function failureAt(port: number, env: Record<string, string> = {}, host = '127.0.0.1') {
  const { kafka } = parseConfig({ KAFKA_BROKERS: 'b:1', KAFKA_CONNECT_TIMEOUT_MS: '300', ...env });
  const reported: Error[] = [];
  const links = new BrokerLinks({
    kafka,
    logger: createQuietLogger(),
    watch: {
      failed: (_, reason) => reported.push(reason),
      requestFailed: () => undefined,
      throttled: () => undefined,
    },
  });
  closing.push(() => links.close());
  const error = await links.get({ host, port }).then(
    () => null,
    (failed: Error) => failed,
  );
  expect(error).toBeInstanceOf(ConnectionError);
  expect(reported).toEqual([error]);
  const { failure, check, message } = error as ConnectionError;
  expect(message).toContain(`${host}:${port}: `);
  if (check !== null) expect(message).toContain(check);
  return { failure, check };
}

const WITH_TLS = { KAFKA_SSL: 'on' };

describe('a connection to a broker', () => {
  it('whose name is not known', async () => {
    jest
      .spyOn(dns, 'lookup')
      .mockImplementation(((_name: string, _options: object, callback: (e: Error) => void) =>
        callback(
          Object.assign(new Error('getaddrinfo ENOTFOUND nowhere.example'), { code: 'ENOTFOUND' }),
        )) as never);
    expect(await failureAt(9092, {}, 'nowhere.example')).toEqual({
      failure: 'dns',
      check: expect.stringContaining('KAFKA_BROKERS'),
    });
  });

  it('where nobody listens, at none of its addresses', async () => {
    const server = createServer();
    const port = await portOf(server);
    server.close();
    await once(server, 'close');
    const refused = { failure: 'refused', check: expect.stringContaining('check that the broker runs') };
    expect(await failureAt(port)).toEqual(refused);
    jest.spyOn(dns, 'lookup').mockImplementation(((
      _name: string,
      _options: object,
      callback: (e: null, found: readonly object[]) => void,
    ) =>
      callback(null, [
        { address: '::1', family: 6 },
        { address: '127.0.0.1', family: 4 },
      ])) as never);
    expect(await failureAt(port, {}, 'two.example')).toEqual(refused);
  });

  it('that accepts and says nothing', async () => {
    const port = await portOf(createServer(() => undefined));
    expect(await failureAt(port)).toEqual({ failure: 'timeout', check: null });
  });

  it('that ends it before an answer', async () => {
    const port = await portOf(createServer((socket) => socket.once('data', () => socket.end())));
    expect(await failureAt(port)).toEqual({
      failure: 'closed',
      check: expect.stringMatching(/KAFKA_SSL.*KAFKA_SASL_MECHANISM/),
    });
  });

  it('that speaks TLS, by a client that does not, and ends it', async () => {
    const port = await portOf(createTlsServer({ key: keystore, cert: keystore }));
    expect(await failureAt(port)).toEqual({
      failure: 'closed',
      check: expect.stringContaining('whether this port wants TLS (KAFKA_SSL)'),
    });
  });

  it('that speaks TLS, by a client that does not, and says so', async () => {
    const alert = Buffer.from('15030300020250', 'hex');
    const port = await portOf(createServer((socket) => socket.once('data', () => socket.write(alert))));
    expect(await failureAt(port)).toEqual({
      failure: 'tls',
      check: expect.stringContaining('set KAFKA_SSL=on'),
    });
  });

  it('that does not speak TLS, by a client that does', async () => {
    const port = await portOf(createServer((socket) => socket.once('data', () => socket.end())));
    expect(await failureAt(port, WITH_TLS)).toEqual({
      failure: 'tls',
      check: expect.stringContaining('KAFKA_SSL=off'),
    });
  });

  it('whose certificate nobody trusts', async () => {
    const port = await portOf(createTlsServer({ key: keystore, cert: keystore }));
    expect(await failureAt(port, WITH_TLS)).toEqual({
      failure: 'tls',
      check: expect.stringContaining('KAFKA_SSL_CA_FILE'),
    });
  });

  it('whose certificate is for another name', async () => {
    const port = await portOf(createTlsServer({ key: keystore, cert: keystore }));
    jest
      .spyOn(dns, 'lookup')
      .mockImplementation(((
        _name: string,
        _options: object,
        callback: (e: null, found: readonly object[]) => void,
      ) => callback(null, [{ address: '127.0.0.1', family: 4 }])) as never);
    const env = { ...WITH_TLS, KAFKA_SSL_CA_FILE: join(TLS, 'cert.pem') };
    expect(await failureAt(port, env, 'other.example')).toEqual({
      failure: 'tls',
      check: expect.stringContaining('the names in the broker’s certificate'),
    });
  });
});
