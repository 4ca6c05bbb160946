import { Kafka } from 'kafkajs';
import type { ClientListener } from '../../infra/local/server-properties';
import { parseConfig } from '../../src/config';
import { kafkaClientOptions } from '../../src/eventlog/kafka/cluster/group';
import { type Certificates, makeCertificates } from '../support/certificates';
import { useBroker } from '../support/kafka';
import { connectGateway, expectServed, failuresOf, PASSWORD } from '../support/kafka-connection';
import { type OauthServer, startOauthServer } from '../support/oauth-server';
import { createQuietLogger } from '../support/quiet-logger';
import { until } from '../support/until';

jest.setTimeout(90_000);

const CLIENT_ID = 'gateway:1';
/** With characters that a form encodes. */
const CLIENT_SECRET = 's3cret %/+ü';
/**
 * Brokers end a session with its token, and refuse to renew one more often than once a second: a fifth of this, which may
 * be left when a connection opens, must be clearly more.
 */
const TOKEN_SECONDS = 12;

let certificates: Certificates;
let oauth: OauthServer;
/** Read by the brokers when they start. */
const listener: { -readonly [K in keyof ClientListener]: ClientListener[K] } = {};

beforeAll(async () => {
  certificates = await makeCertificates();
  oauth = await startOauthServer({
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    lifetimeSeconds: TOKEN_SECONDS,
  });
});
afterAll(async () => {
  await oauth.close();
  await certificates.remove();
});

describe('a cluster with TLS and SASL', () => {
  beforeAll(() => {
    Object.assign(listener, {
      protocol: 'SASL_SSL',
      mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'],
      users: { gateway: 'right' },
      tls: { keystore: certificates.broker },
      oauth: oauth.trusted,
    });
  });
  const kafka = useBroker({ clientListener: listener });
  const tls = () => ({ KAFKA_SSL: 'on', KAFKA_SSL_CA_FILE: certificates.authority });
  const withPassword = (mechanism: string, password: string) => ({
    ...tls(),
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: 'gateway',
    KAFKA_SASL_PASSWORD: password,
  });

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'])('is served by %s', async (mechanism) => {
    await expectServed(await connectGateway(kafka.clients[0]!, withPassword(mechanism, 'right')));
  });

  it.each(['scram-sha-256', 'scram-sha-512'])(
    'says what to check after a wrong password, by %s',
    async (mechanism) => {
      const gateway = await connectGateway(kafka.clients[0]!, withPassword(mechanism, PASSWORD));
      const { told } = await failuresOf(gateway);
      expect(told).toMatchObject([
        { failure: 'authentication', check: expect.stringContaining('KAFKA_SASL_PASSWORD') },
      ]);
    },
  );

  describe('by OAUTHBEARER', () => {
    const withToken = (secretFile: string) => ({
      ...tls(),
      KAFKA_SASL_MECHANISM: 'oauthbearer',
      KAFKA_OAUTH_TOKEN_URL: oauth.tokenUrl,
      KAFKA_OAUTH_CLIENT_ID: CLIENT_ID,
      KAFKA_OAUTH_CLIENT_SECRET_FILE: secretFile,
      KAFKA_OAUTH_SCOPE: 'read write',
    });
    let right: string;
    let wrong: string;
    beforeAll(async () => {
      right = await certificates.write('secret', `${CLIENT_SECRET}\n`);
      wrong = await certificates.write('wrong-secret', PASSWORD);
    });
    afterEach(() => {
      oauth.fault = null;
      oauth.audience = oauth.trusted.audience;
    });

    it('is served with one token for all connections, and with new ones for as long as it runs', async () => {
      const before = oauth.requests.length;
      const gateway = await connectGateway(kafka.clients[0]!, withToken(right));
      await expectServed(gateway);
      expect(oauth.requests.slice(before).map((form) => form.get('scope'))).toEqual(['read write']);
      // A session ends with its token: it goes on only with the next ones.
      await until(() => oauth.requests.length >= before + 3, 'two more tokens', 60_000);
      await expectServed(gateway);
      expect(gateway.logged.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([]);
    });

    it('lets the consumers of groups in as well', async () => {
      const { kafka: config } = parseConfig({ KAFKA_BROKERS: kafka.clients[0]!, ...withToken(right) });
      const admin = new Kafka(kafkaClientOptions(config, createQuietLogger())).admin();
      await admin.connect();
      try {
        expect(await admin.listGroups()).toMatchObject({ groups: expect.any(Array) });
      } finally {
        await admin.disconnect();
      }
    });

    it('says what to check when the token service rejects the client', async () => {
      const { told, lastError } = await failuresOf(await connectGateway(kafka.clients[0]!, withToken(wrong)));
      const check = expect.stringContaining('KAFKA_OAUTH_CLIENT_SECRET_FILE');
      expect(told).toMatchObject([{ failure: 'authentication', check }]);
      expect(lastError).toContain('answered 401 invalid_client unknown client or secret');
    });

    it('says what the broker has against a token', async () => {
      oauth.audience = 'another service';
      const { told, lastError } = await failuresOf(await connectGateway(kafka.clients[0]!, withToken(right)));
      const check = expect.stringContaining('audience');
      expect(told).toMatchObject([{ failure: 'authentication', check }]);
      expect(lastError).toContain('invalid_token');
    });

    it.each([
      ['is away', (response) => response.destroy(), 'check KAFKA_OAUTH_TOKEN_URL'],
      ['answers with something else', (response) => response.end('<html>'), 'has no access_token'],
      ['fails', (response) => response.writeHead(503).end(), 'answered 503'],
    ] satisfies [string, OauthServer['fault'] & object, string][])(
      'waits for a token service that %s, as for a broker',
      async (_, fault, message) => {
        oauth.fault = fault;
        const gateway = await connectGateway(kafka.clients[0]!, withToken(right));
        const { lastError } = await failuresOf(gateway);
        expect(lastError).toContain(message);
        oauth.fault = null;
        await expectServed(gateway);
      },
    );
  });
});

describe('a cluster that wants client certificates', () => {
  beforeAll(() => {
    Object.assign(listener, {
      protocol: 'SSL',
      tls: { keystore: certificates.broker, truststore: certificates.authority },
    });
  });
  const kafka = useBroker({ clientListener: listener });
  const tls = (own: { certificate: string; key: string } | null) => ({
    KAFKA_SSL: 'on',
    KAFKA_SSL_CA_FILE: certificates.authority,
    ...(own === null ? {} : { KAFKA_SSL_CERT_FILE: own.certificate, KAFKA_SSL_KEY_FILE: own.key }),
  });

  it('is served with one', async () => {
    await expectServed(await connectGateway(kafka.clients[0]!, tls(certificates.client)));
  });

  it.each(['none', 'that of a stranger'])('says what to check with %s', async (which) => {
    const own = which === 'none' ? null : certificates.stranger;
    const { told } = await failuresOf(await connectGateway(kafka.clients[0]!, tls(own)));
    expect(told).toMatchObject([{ failure: 'tls', check: expect.stringContaining('KAFKA_SSL_CERT_FILE') }]);
  });
});
