import { parseConfig } from '../../src/config';
import { plainTopic } from '../../src/config/topic-settings';
import { faultsOf } from '../support/config-faults';

const SASL = { KAFKA_BROKERS: 'a:1', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' };

/** `KAFKA_SASL_MECHANISM=SCRAM-SHA-512`, which is how Kafka itself spells it, was refused. */
describe('settings take the spellings that are usual elsewhere', () => {
  it.each([
    ['SCRAM-SHA-512', 'scram-sha-512'],
    ['SCRAM_SHA_256', 'scram-sha-256'],
    ['PLAIN', 'plain'],
  ])('KAFKA_SASL_MECHANISM=%s', (KAFKA_SASL_MECHANISM, mechanism) =>
    expect(parseConfig({ ...SASL, KAFKA_SASL_MECHANISM }).kafka.sasl?.mechanism).toBe(mechanism),
  );

  it.each(['on', 'ON', 'true', 'True', 'yes', '1', ' on '])('INGEST=%j is on', (INGEST) =>
    expect(parseConfig({ INGEST }).ingest.enabled).toBe(true),
  );

  it.each(['off', 'OFF', 'false', 'FALSE', 'no', '0'])('INGEST=%j is off', (INGEST) =>
    expect(parseConfig({ INGEST }).ingest.enabled).toBe(false),
  );

  it('levels, formats and logs in any case', () => {
    expect(parseConfig({ LOG_LEVEL: 'DEBUG' }).logLevel).toBe('debug');
    expect(parseConfig({ LOG_LEVEL: 'warning' }).logLevel).toBe('warn');
    expect(parseConfig({ TICK_FORMAT: 'MS' }).ticker.format).toBe('ms');
    expect(parseConfig({ EVENT_LOG: 'Memory' }).eventLog).toBe('memory');
    expect(faultsOf({ NODE_ENV: 'Production' })).toHaveLength(1);
  });

  it('numbers with blanks around them, as a file of settings leaves them', () =>
    expect(parseConfig({ PORT: ' 8000 ' }).http.port).toBe(8_000));

  it.each([
    ['a:9092, b:9092,', undefined, ['a:9092', 'b:9092']],
    ['PLAINTEXT://a:9092,SASL_PLAINTEXT://b:9092', undefined, ['a:9092', 'b:9092']],
    ['SSL://a:9093,sasl_ssl://b:9093/', 'on', ['a:9093', 'b:9093']],
    ['kafka://a:9092', undefined, ['a:9092']],
    ['kafka://a:9092', 'on', ['a:9092']],
    ['PLAINTEXT://[::1]:9092', undefined, ['[::1]:9092']],
  ])('KAFKA_BROKERS=%s with KAFKA_SSL=%s', (KAFKA_BROKERS, KAFKA_SSL, brokers) =>
    expect(parseConfig({ KAFKA_BROKERS, KAFKA_SSL }).kafka.brokers).toEqual(brokers),
  );

  it.each([
    ['https://a.example/', 'https://a.example'],
    ['HTTPS://A.Example', 'https://a.example'],
    ['https://a.example:443', 'https://a.example'],
    ['http://a.example:8080/', 'http://a.example:8080'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['Capacitor://localhost/', 'capacitor://localhost'],
  ])('CORS_ORIGINS=%s', (CORS_ORIGINS, origin) =>
    expect(parseConfig({ CORS_ORIGINS }).http.corsOrigins).toEqual([origin]),
  );

  it('algorithms in any case, topics and keys with blanks, addresses in brackets', () => {
    const { auth, topics, http } = parseConfig({
      JWT_SECRET: 'a secret of tests that has 32 bytes',
      JWT_ALGORITHMS: 'hs256, hs512',
      KAFKA_TOPICS: 'a = /x ; BASE64, b',
      API_KEYS: 'shop = sixteen-or-more-characters ; /shop',
      HOST: '[::1]',
    });
    expect(auth.jwt?.algorithms).toEqual(['HS256', 'HS512']);
    expect(topics).toEqual([{ ...plainTopic('a', '/x'), value: 'base64' }, plainTopic('b')]);
    expect(auth.apiKeys).toMatchObject([{ name: 'shop', channels: ['/shop'] }]);
    expect(http.host).toBe('::1');
  });
});

describe('what is refused says what would be taken', () => {
  it.each<[string, Record<string, string>, string]>([
    [
      'a mechanism',
      { ...SASL, KAFKA_SASL_MECHANISM: 'GSSAPI' },
      'KAFKA_SASL_MECHANISM must be plain, scram-sha-256, scram-sha-512, oauthbearer or aws-msk-iam',
    ],
    ['a switch', { INGEST: 'maybe' }, 'INGEST must be on or off (or true, yes, 1, false, no, 0)'],
    ['a level', { LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be fatal, error, warn, info, debug, trace or silent'],
    [
      'a time with a unit',
      { HEARTBEAT_MS: '15s' },
      'HEARTBEAT_MS must be a whole number of milliseconds, without a unit, from 100 to 2147483647',
    ],
    [
      'a size with a unit',
      { MAX_EVENT_BYTES: '64k' },
      'MAX_EVENT_BYTES must be a whole number of bytes, without a unit, from 1 to 1099511627776',
    ],
    ['a number', { PORT: '70000' }, 'PORT must be a whole number from 0 to 65535'],
    [
      'an algorithm',
      { JWT_SECRET: 'a secret of tests that has 32 bytes', JWT_ALGORITHMS: 'RS256' },
      'JWT_ALGORITHMS must not have RS256 with JWT_SECRET, only HS256, HS384, HS512',
    ],
    [
      'a broker with TLS, without KAFKA_SSL',
      { KAFKA_BROKERS: 'SSL://a:9093' },
      'KAFKA_SSL must be on for the broker SSL://a:9093, or remove its scheme: a:9093',
    ],
    [
      'a broker without TLS, with KAFKA_SSL',
      { KAFKA_BROKERS: 'PLAINTEXT://a:9092', KAFKA_SSL: 'on' },
      'KAFKA_SSL must be off for the broker PLAINTEXT://a:9092, or remove its scheme: a:9092',
    ],
  ])('%s', (_, env, fault) => expect(faultsOf(env)).toEqual([fault]));
});
