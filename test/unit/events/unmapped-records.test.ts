import { parseConfig } from '../../../src/config';
import { topicList } from '../../../src/config/topic-settings';
import type { LogRecord } from '../../../src/eventlog/event-log';
import { createFeed } from '../../../src/events/feed';
import { createLogIds } from '../../../src/events/log-ids';
import { createTopicMap } from '../../../src/events/topic-map';
import { layoutAt, TOPIC } from '../../support/feed';
import { createTestHub } from '../../support/hub';
import { createQuietLogger } from '../../support/quiet-logger';

const RECORDS: readonly [key: Buffer | null, channel: string, reason: string | null][] = [
  [Buffer.from('7'), '/orders/7', null],
  [null, '/orders', 'missing'],
  [Buffer.from(''), '/orders', 'empty'],
  [Buffer.from([0xff]), '/orders', 'not-utf8'],
  [Buffer.from('..'), '/orders', 'not-a-segment'],
  [Buffer.from('a\nb'), '/orders', 'not-a-segment'],
  [Buffer.from('x'.repeat(250)), '/orders', 'too-long'],
  [Buffer.from('/'), '/orders/~1', null],
];

const topics = createTopicMap(parseConfig({ KAFKA_TOPICS: `${TOPIC}=/orders/{key}` }).topics);

it('records without a usable value are on the literal beginning, counted and logged by reason', () => {
  const hub = createTestHub();
  const logger = createQuietLogger();
  const feed = createFeed({
    hub,
    ids: createLogIds(topics),
    topics,
    warmRecords: 100,
    maxFrameBytes: 1 << 20,
    clockSkewMs: 0,
    logger,
  });
  feed.onStart(layoutAt(0n));
  const records = RECORDS.map(
    ([key], i): LogRecord => ({
      offset: BigInt(i),
      timestampMs: 1_000,
      key,
      value: Buffer.from('x'),
      // Another program's channel does not count where keys make the channels.
      headers: [{ key: 'channel', value: Buffer.from('/8') }],
    }),
  );
  feed.onRecords({ topic: TOPIC, partition: 0, leaderEpoch: 0, records, next: BigInt(records.length) });
  const channels = RECORDS.map((_, i) => hub.ring.at(hub.ring.base + i).channel);
  expect(channels).toEqual(RECORDS.map(([, channel]) => channel));
  expect(feed.stats().records[TOPIC]!.mapping).toEqual({
    mapped: 2,
    unmapped: {
      missing: 1,
      'not-utf8': 1,
      'bad-key': 0,
      'not-scalar': 0,
      empty: 1,
      'not-a-segment': 2,
      'too-long': 1,
    },
  });
  const warned = logger.lines.filter(({ message }) => message.startsWith('Record without a channel'));
  expect(warned.map(({ level, fields }) => ({ level, ...fields }))).toEqual(
    ['missing', 'empty', 'not-utf8', 'not-a-segment', 'too-long'].map((reason) => ({
      level: 'warn',
      topic: TOPIC,
      partition: 0,
      offset: String(RECORDS.findIndex(([, , found]) => found === reason)),
      reason,
      hint: expect.any(String),
    })),
  );
});

it('a record that cannot be shown is reported on its own channel', () => {
  const hub = createTestHub();
  const feed = createFeed({
    hub,
    ids: createLogIds(topics),
    topics,
    warmRecords: 100,
    maxFrameBytes: 200,
    clockSkewMs: 0,
    logger: createQuietLogger(),
  });
  feed.onStart(layoutAt(0n));
  const values = [Buffer.from([0xff]), Buffer.alloc(500, 'x')];
  const records = values.map((value, i) => ({
    offset: BigInt(i),
    timestampMs: 1_000,
    key: Buffer.from('7'),
    value,
    headers: [],
  }));
  feed.onRecords({ topic: TOPIC, partition: 0, leaderEpoch: 0, records, next: 2n });
  expect([0, 1].map((seq) => hub.ring.at(seq))).toEqual([
    expect.objectContaining({ channel: '/orders/7', event: 'gateway.undecodable' }),
    expect.objectContaining({ channel: '/orders/7', event: 'gateway.undecodable' }),
  ]);
});

it('records that are left out move the gateway on: it is ready, and ids are past them', () => {
  const hub = createTestHub();
  const [orders] = topicList().parse(`${TOPIC}=/orders/{key}`);
  const topics = createTopicMap([{ ...orders!, unmapped: 'drop' }]);
  const feed = createFeed({
    hub,
    ids: createLogIds(topics),
    topics,
    warmRecords: 100,
    maxFrameBytes: 1 << 20,
    clockSkewMs: 0,
    logger: createQuietLogger(),
  });
  feed.onStart(layoutAt(2n));
  const records = [Buffer.from('7'), null].map((key, i) => ({
    offset: BigInt(i),
    timestampMs: 1_000,
    key,
    value: Buffer.from('x'),
    headers: [],
  }));
  feed.onRecords({ topic: TOPIC, partition: 0, leaderEpoch: 0, records, next: 2n });
  expect(hub.ring.head - hub.ring.base).toBe(1);
  expect(hub.ring.positions.at(0)).toBe(2n);
  expect(feed.stats().records[TOPIC]!.mapping).toMatchObject({ mapped: 1, unmapped: { missing: 1 } });
});
