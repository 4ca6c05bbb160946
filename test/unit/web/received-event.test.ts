import { ALWAYS_SHOWN, noticeText, ONLY_FOR_IDS, receivedEventOf } from '../../../src/web/received-event';
import type { GatewayEventName, GatewayEvents } from '../../../src/wire/gateway-events';

const NOW_MS = 1_704_672_000_000;

const envelope = {
  topic: 't',
  partition: 1,
  offset: '7',
  timestamp: NOW_MS - 250,
  key: null,
  headers: { channel: '/a' },
  data: '{"topic":"not the envelope’s"}',
};
const arrival = (data: string, type = 'message') => ({ type, data, lastEventId: 'id' });

describe('an event as the page shows it', () => {
  it('is taken out of its envelope', () => {
    expect(receivedEventOf(arrival(JSON.stringify(envelope)), NOW_MS)).toEqual({
      id: 'id',
      name: 'message',
      data: '{"topic":"not the envelope’s"}',
      channel: '/a',
      source: { topic: 't', partition: 1, offset: '7' },
      latencyMs: 250,
    });
  });

  it.each([
    ['none', -1],
    ['one that no number can hold', null],
    ['one in seconds', NOW_MS / 1_000],
    ['one in microseconds', NOW_MS * 1_000],
  ])('has no latency when its time is %s', (_, timestamp) => {
    const event = receivedEventOf(arrival(JSON.stringify({ ...envelope, timestamp })), NOW_MS);
    expect(event.latencyMs).toBeNull();
  });

  it('has no channel without the header', () => {
    expect(receivedEventOf(arrival(JSON.stringify({ ...envelope, headers: {} })), NOW_MS).channel).toBeNull();
  });

  it('has the last of several channel headers, as the gateway does', () => {
    const headers = { channel: ['/a', '/b'] };
    expect(receivedEventOf(arrival(JSON.stringify({ ...envelope, headers })), 5).channel).toBe('/b');
  });

  it.each(['', 'text', 'null', '[]', '5', '{"topic":"t"}'])(
    'is shown as it is without an envelope: %j',
    (data) => {
      expect(receivedEventOf(arrival(data), 5)).toMatchObject({ data, source: null, latencyMs: null });
    },
  );
});

describe('what the gateway says', () => {
  it.each([
    [
      'gateway.gap',
      { reason: 'retention', topic: 't', partition: 0, requested: '1', available: '26', lost: 25 },
      'loss',
      'Gap: 25 records of t/0 are lost (retention: requested offset 1, available from 26)',
    ],
    [
      'gateway.reset',
      { reason: 'cluster' },
      'loss',
      'Reset: the stream starts over with new events (cluster)',
    ],
    ['gateway.live', { replayed: 3 }, 'good', 'Caught up: 3 events replayed'],
    ['gateway.status', { kafka: 'ok' }, 'good', 'Kafka is back'],
    [
      'gateway.status',
      { kafka: 'interrupted' },
      'warning',
      'Kafka is unreachable: the stream stays open and continues when it is back',
    ],
    ['gateway.status', { kafka: 'ok', topics: ['a', 'b'] }, 'good', 'topic a, b is back'],
    [
      'gateway.status',
      { kafka: 'interrupted', topics: ['a'], reason: 'forbidden' },
      'warning',
      'topic a is forbidden: the stream stays open and continues when it is back',
    ],
    [
      'gateway.token-expiring',
      { expiresAt: '2030-01-02T03:04:05.000Z' },
      'warning',
      'The token expires at 2030-01-02T03:04:05.000Z: the stream ends then',
    ],
  ])('%s %j is %s', (name, data, severity, text) => {
    expect(noticeText({ name, data: JSON.stringify(data) })).toEqual({ severity, text });
  });

  // The compiler keeps this list whole: a name or a member that the gateway adds is missing here.
  const samples: GatewayEvents = {
    'gateway.open': { heartbeatMs: 15_000 },
    'gateway.position': {},
    'gateway.retry': { code: 'drain' },
    'gateway.gap': { reason: 'codec', topic: 't', partition: 0, requested: '1', available: '2', lost: 1 },
    'gateway.reset': { reason: 'ahead', topics: ['t'] },
    'gateway.live': { replayed: 1 },
    'gateway.status': { kafka: 'ok' },
    'gateway.token-expiring': { expiresAt: '2030-01-02T03:04:05.000Z' },
    'gateway.undecodable': { topic: 't', partition: 0, offset: '1', bytes: 1, reason: 'not-utf8' },
    'gateway.tombstone': 'key',
  };
  const STANDS_FOR_RECORD: readonly GatewayEventName[] = ['gateway.undecodable', 'gateway.tombstone'];
  // The browser shows the end of a stream as an error, which the page tells.
  const OF_THE_STREAM: readonly GatewayEventName[] = ['gateway.open', 'gateway.position', 'gateway.retry'];

  it.each(Object.entries(samples))(
    '%s is listened for and shown, unless it is of the stream itself',
    (key, data) => {
      const name = key as GatewayEventName;
      const heard: readonly string[] = ALWAYS_SHOWN;
      const isOfStream = OF_THE_STREAM.includes(name);
      expect(heard.includes(name)).toBe(!isOfStream);
      const isTold = noticeText({ name, data: JSON.stringify(data) }) !== null;
      expect(isTold).toBe(!isOfStream && !STANDS_FOR_RECORD.includes(name));
    },
  );

  it('is listened for where only its id matters', () => {
    expect(OF_THE_STREAM).toEqual([...ONLY_FOR_IDS, 'gateway.retry']);
  });

  it('is nothing for other names', () => expect(noticeText({ name: 'message', data: '' })).toBeNull());
});
