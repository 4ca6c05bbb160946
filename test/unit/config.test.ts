import { parseConfig, SETTINGS } from '../../src/config';
import { plainTopic } from '../../src/config/topic-settings';
import { RENAMED_SETTINGS } from '../../src/config/unknown-settings';
import { faultsOf } from '../support/config-faults';

describe('parseConfig', () => {
  it('has a working default for everything', () => {
    const config = parseConfig({});
    expect(config.http.port).toBe(3000);
    expect(config.eventLog).toBe('memory');
    expect(config.topics).toEqual([plainTopic('events-topic')]);
  });

  it('counts an empty variable as unset', () => expect(parseConfig({ PORT: '' }).http.port).toBe(3000));

  it('is frozen to the bottom', () => {
    const config = parseConfig({ KAFKA_BROKERS: 'a:1,b:2' });
    expect(Object.isFrozen(config.kafka.brokers)).toBe(true);
    expect(() => (config.kafka.brokers as string[]).push('c:3')).toThrow(TypeError);
  });

  it('lists every fault at once, each with its variable', () => {
    const faults = faultsOf({
      PORT: '70000',
      HEARTBEAT_MS: 'soon',
      INGEST: 'maybe',
      KAFKA_BROKRES: 'x:1',
      KAFKA_TOPICS: 'a b',
    });
    for (const name of ['PORT', 'HEARTBEAT_MS', 'INGEST', 'KAFKA_BROKRES', 'KAFKA_TOPICS']) {
      expect(faults.filter((fault) => fault.startsWith(`${name} `))).toHaveLength(1);
    }
    expect(faults).toHaveLength(5);
  });

  it('suggests the setting meant by a misspelling', () => {
    expect(faultsOf({ KAFKA_BROKRES: 'x:1' })).toEqual([
      'KAFKA_BROKRES is not a setting; did you mean KAFKA_BROKERS?',
    ]);
    expect(faultsOf({ GATEWAY_PORT: '1' })).toEqual(['GATEWAY_PORT is not a setting; did you mean PORT?']);
    expect(faultsOf({ HEARTBEATS_MS: '1' })).toEqual([
      'HEARTBEATS_MS is not a setting; did you mean HEARTBEAT_MS?',
    ]);
  });

  it.each(Object.entries(RENAMED_SETTINGS))('refuses the former setting %s and names %s', (former, name) => {
    expect(Object.keys(SETTINGS)).toContain(name);
    expect(Object.keys(SETTINGS)).not.toContain(former);
    expect(faultsOf({ [former]: '1', PORT: '70000' })).toEqual([
      `${former} is now ${name}`,
      expect.stringMatching(/^PORT /),
    ]);
  });

  it('ignores variables that only resemble a setting', () => {
    expect(
      faultsOf({ HOSTNAME: 'x', POST: 'y', GATEWAY_PORT: 'tcp://10.0.0.1:3000', KAFKA_SERVICE_HOST: 'z' }),
    ).toEqual([]);
  });

  it('refuses an accidental memory log in production', () => {
    expect(faultsOf({ NODE_ENV: 'production' })[0]).toContain('KAFKA_BROKERS');
    expect(parseConfig({ NODE_ENV: 'production', EVENT_LOG: 'memory' }).eventLog).toBe('memory');
  });

  it('finds contradictions', () => {
    expect(faultsOf({ EVENT_LOG: 'kafka' })).toHaveLength(1);
    expect(faultsOf({ RETRY_MIN_MS: '9', RETRY_MAX_MS: '8' })).toHaveLength(1);
    expect(faultsOf({ KAFKA_SASL_MECHANISM: 'plain' })[0]).toContain('KAFKA_SASL_PASSWORD');
    expect(faultsOf({ KAFKA_SASL_MECHANISM: 'oauthbearer', KAFKA_OAUTH_CLIENT_ID: 'c' })).toEqual([
      expect.stringMatching('needs KAFKA_OAUTH_TOKEN_URL and KAFKA_OAUTH_CLIENT_SECRET_FILE'),
    ]);
    expect(faultsOf({ KAFKA_OAUTH_TOKEN_URL: 'id.example/token' })[0]).toContain('http or https URL');
    expect(faultsOf({ KAFKA_OAUTH_SCOPE: 's' })[0]).toContain('KAFKA_SASL_MECHANISM=oauthbearer');
    expect(faultsOf({ KAFKA_SASL_MECHANISM: 'aws-msk-iam', KAFKA_AWS_REGION: 'r' })).toEqual([
      expect.stringContaining('KAFKA_SSL'),
      expect.stringContaining('npm install aws-msk-iam-sasl-signer-js'),
    ]);
    expect(faultsOf({ KAFKA_SSL: 'on', KAFKA_SSL_CERT_FILE: __filename })[0]).toContain('KAFKA_SSL_KEY_FILE');
    expect(faultsOf({ KAFKA_SSL: 'on', KAFKA_SSL_CA_FILE: '/nowhere/ca.pem' })[0]).toContain(
      'cannot be read',
    );
  });

  it.each([
    ['KAFKA_BROKERS', 'a:9092,b', '"b" is not host:port'],
    ['KAFKA_BROKERS', '::1:9092', '"::1:9092" is not host:port or [IPv6]:port'],
    ['KAFKA_BROKERS', 'http://a:9092', '"http://a:9092" is not host:port'],
    ['KAFKA_OAUTH_EXTENSIONS', 'a=1,auth=x', '"auth=x" is not name=value'],
    ['KAFKA_CREATE_TOPICS', 'a,b c', '"b c" is not a Kafka topic name'],
    ['PUBLIC_CHANNELS', 'a//b', '"a//b" must not have empty segments'],
    ['CORS_ORIGINS', 'https://a.example/app', '"https://a.example/app" is not an origin'],
    ['CORS_ORIGINS', '*', '"*" is not an origin'],
    ['CORS_ORIGINS', 'a.example', '"a.example" is not an origin'],
  ])('names the entry of %s=%s that is wrong', (name, value, fault) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`${name} entry ${fault}`);
  });

  it('takes origins as browsers send them, those of apps and extensions too', () => {
    const origins = [
      'https://a.example',
      'http://localhost:8080',
      'http://[::1]:3000',
      'capacitor://localhost',
    ];
    expect(parseConfig({ CORS_ORIGINS: origins.join(', ') }).http.corsOrigins).toEqual(origins);
  });

  it('reads topics with a base channel and an encoding', () => {
    expect(parseConfig({ KAFKA_TOPICS: 'a, b=/x/y ,c=/z;base64,d;base64' }).topics).toEqual([
      plainTopic('a'),
      plainTopic('b', '/x/y'),
      { ...plainTopic('c', '/z'), value: 'base64' },
      { ...plainTopic('d'), value: 'base64' },
    ]);
    for (const bad of ['a,a', 'a=', 'a=/x/', 'a;zip', '', ','])
      expect(faultsOf({ KAFKA_TOPICS: bad || ' ' })).toHaveLength(bad === ',' ? 2 : 1);
  });

  it('reads topics whose channels are made of keys and headers', () => {
    const topics = 'a=/x/{key}, b={headers.two words}/{partition};base64, c=/y/{topic}/{key}/z, d=/{topic}';
    expect(parseConfig({ KAFKA_TOPICS: topics }).topics).toEqual([
      {
        ...plainTopic('a', '/x'),
        channel: { text: '/x/{key}', segments: ['x', { from: 'key' }] },
      },
      {
        ...plainTopic('b', '/'),
        channel: {
          text: '/{headers.two words}/{partition}',
          segments: [{ from: 'header', name: 'two words' }, { from: 'partition' }],
        },
        value: 'base64',
      },
      {
        ...plainTopic('c', '/y/c'),
        channel: { text: '/y/{topic}/{key}/z', segments: ['y', 'c', { from: 'key' }, 'z'] },
      },
      plainTopic('d', '/d'),
    ]);
  });

  it.each([
    ['a=/x{key}', 'has "x{key}"'],
    ['a=/{key}{key}', 'has "{key}{key}"'],
    [
      'a=/{kye}',
      'must have only {key}, {headers.NAME}, {value.PATH}, {topic} or {partition} as placeholders',
    ],
    ['a=/{headers.}', 'has "{headers.}"'],
    ['a=/{}', 'has "{}"'],
    ['a=/{key', 'has "{key"'],
    ['a=/key}', 'has "key}"'],
    ['a=/{key}/', 'must not have empty segments'],
    ['a=/{key}/..', 'must not have "." or ".." segments'],
    [`a=${'/{key}'.repeat(17)}`, 'must not have over 16 segments'],
  ])('KAFKA_TOPICS=%s is a fault', (topics, words) => {
    expect(faultsOf({ KAFKA_TOPICS: topics })).toEqual([
      expect.stringMatching(/^KAFKA_TOPICS entry "a=.*" has a channel that /),
    ]);
    expect(faultsOf({ KAFKA_TOPICS: topics })[0]).toContain(words);
  });
});
