import dns from 'node:dns';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { useBroker } from '../support/kafka';
import { expectServed, failuresOf, PASSWORD, connectGateway as start } from '../support/kafka-connection';
import { until } from '../support/until';

jest.setTimeout(60_000);

const TLS = join(__dirname, '../support/fixtures/tls');

type Addresses = readonly { readonly address: string; readonly family: 4 | 6 }[];

/** The name has these addresses, in this order, or none for this reason. */
function resolveTo(name: string, found: () => Addresses | Error): void {
  const real = dns.lookup as (...args: unknown[]) => void;
  jest.spyOn(dns, 'lookup').mockImplementation(((...args: unknown[]) => {
    if (args[0] !== name) {
      real(...args);
      return;
    }
    const answer = args[2] as (error: Error | null, addresses?: Addresses) => void;
    const addresses = found();
    if (addresses instanceof Error) answer(addresses);
    else answer(null, addresses);
  }) as never);
}

afterEach(() => jest.restoreAllMocks());

/** Was accepted as a setting, and never connected. */
describe('a broker that is at an IPv6 address only', () => {
  const kafka = useBroker({ clientListener: { host: '::1' } });

  it('is served, both as a setting and as advertised', async () => {
    const [broker] = kafka.clients;
    expect(broker).toMatch(/^\[::1\]:\d+$/);
    await expectServed(await start(broker!));
  });

  const V6 = { address: '::1', family: 6 } as const;
  const V4 = { address: '127.0.0.1', family: 4 } as const;
  it.each([
    ['the first', [V6, V4]],
    ['the second', [V4, V6]],
  ] as const)('is served by a name of which it is %s address', async (_, addresses) => {
    resolveTo('kafka.example', () => addresses);
    await expectServed(await start(`kafka.example:${kafka.clients[0]!.split(':').at(-1)}`));
  });

  it('is served by a name whose first address accepts connections and does not answer', async () => {
    const port = Number(kafka.clients[0]!.split(':').at(-1));
    const silent = new Set<Socket>();
    const server = createServer((socket) => silent.add(socket)).listen(port, '127.0.0.1');
    await once(server, 'listening');
    try {
      resolveTo('kafka.example', () => [V4, V6]);
      await expectServed(await start(`kafka.example:${port}`, { KAFKA_CONNECT_TIMEOUT_MS: '1000' }));
      expect(silent.size).toBeGreaterThan(0);
    } finally {
      server.close();
      for (const socket of silent) socket.destroy();
    }
  });
});

/** Nothing was logged but that the gateway listens. */
describe('a broker that cannot be connected to while the gateway starts', () => {
  describe('with SASL', () => {
    const kafka = useBroker({
      clientListener: { protocol: 'SASL_PLAINTEXT', users: { gateway: 'right' } },
    });

    it('is named once, with the credentials to check, when the password is wrong', async () => {
      const [broker] = kafka.clients;
      const gateway = await start(broker!, {
        KAFKA_SASL_MECHANISM: 'plain',
        KAFKA_SASL_USERNAME: 'gateway',
        KAFKA_SASL_PASSWORD: PASSWORD,
      });
      const { told, lastError } = await failuresOf(gateway);
      const check = 'check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD';
      expect(told).toMatchObject([{ broker, failure: 'authentication', check }]);
      expect(lastError).toContain(broker);
      expect(lastError).toContain(check);
    });

    it('is named once, with SASL to check, when none is set', async () => {
      const [broker] = kafka.clients;
      const { told, lastError } = await failuresOf(await start(broker!));
      expect(told).toMatchObject([
        { broker, failure: 'closed', check: expect.stringContaining('KAFKA_SASL_MECHANISM') },
      ]);
      expect(lastError).toContain('KAFKA_SASL_MECHANISM');
    });

    it('is named once, with the mechanism to check, when it has another', async () => {
      const [broker] = kafka.clients;
      const gateway = await start(broker!, {
        KAFKA_SASL_MECHANISM: 'scram-sha-512',
        KAFKA_SASL_USERNAME: 'gateway',
        KAFKA_SASL_PASSWORD: PASSWORD,
      });
      const { told } = await failuresOf(gateway);
      expect(told).toMatchObject([{ broker, failure: 'authentication' }]);
    });
  });

  describe('with TLS', () => {
    const kafka = useBroker({
      clientListener: { protocol: 'SSL' },
      properties: {
        'listener.name.client.ssl.keystore.type': 'PEM',
        'listener.name.client.ssl.keystore.location': join(TLS, 'keystore.pem'),
      },
    });

    it('is served when its certificate is trusted', async () => {
      const env = { KAFKA_SSL: 'on', KAFKA_SSL_CA_FILE: join(TLS, 'cert.pem') };
      await expectServed(await start(kafka.clients[0]!, env));
    });

    it('is named once, with the file to check, when its certificate is not', async () => {
      const { told, lastError } = await failuresOf(await start(kafka.clients[0]!, { KAFKA_SSL: 'on' }));
      expect(told).toMatchObject([{ failure: 'tls', check: expect.stringContaining('KAFKA_SSL_CA_FILE') }]);
      expect(lastError).toContain('KAFKA_SSL_CA_FILE');
    });

    it('is named once, with KAFKA_SSL to check, when it is off', async () => {
      const { told } = await failuresOf(await start(kafka.clients[0]!));
      expect(told).toMatchObject([{ check: expect.stringContaining('KAFKA_SSL') }]);
    });

    it('is named once, with KAFKA_SSL to check, when its port does not speak TLS', async () => {
      const { told } = await failuresOf(await start(kafka.bootstrap[0]!, { KAFKA_SSL: 'on' }));
      expect(told).toMatchObject([{ failure: 'tls', check: expect.stringContaining('KAFKA_SSL=off') }]);
    });
  });

  it('is named once when its name is not known, and again when nobody listens', async () => {
    const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND kafka.example'), { code: 'ENOTFOUND' });
    let known = false;
    resolveTo('kafka.example', () => (known ? [{ address: '127.0.0.1', family: 4 }] : unknown));
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const gateway = await start(`kafka.example:${port}`);
    const broker = `kafka.example:${port}`;
    expect((await failuresOf(gateway)).told).toMatchObject([{ broker, failure: 'dns' }]);
    known = true;
    const lines = () => gateway.logged.filter(({ message }) => message === 'Kafka connection failed');
    await until(() => lines().length === 2, 'the change is told');
    expect(lines()[1]!.fields).toMatchObject({ broker, failure: 'refused' });
  });
});
