import { plainTopic } from '../../src/config/topic-settings';
import type { RecordHeader } from '../../src/eventlog/event-log';
import { createFeed } from '../../src/events/feed';
import { createLogIds } from '../../src/events/log-ids';
import { createTopicMap } from '../../src/events/topic-map';
import { createFrameDecoder } from '../../src/wire/frame-decoder';
import { layoutAt, TOPIC } from '../support/feed';
import { startGateway } from '../support/gateway';
import { createTestHub } from '../support/hub';
import { createQuietLogger } from '../support/quiet-logger';
import { openStream } from '../support/sse-client';

const MAX_FRAME_BYTES = 1_024;

const sound = { value: Buffer.from('x'), headers: [] as RecordHeader[] };
const RECORDS: readonly [reason: string, record: Partial<typeof sound>][] = [
  ['not-utf8', { value: Buffer.from([0xff]) }],
  ['bad-channel', { headers: [{ key: 'channel', value: Buffer.from('/a//b') }] }],
  ['bad-channel', { headers: [{ key: 'channel', value: Buffer.from([0xff]) }] }],
  ['bad-event-name', { headers: [{ key: 'event', value: Buffer.from('a\nb') }] }],
  ['bad-event-name', { headers: [{ key: 'event', value: Buffer.from([0xff]) }] }],
  ['too-large', { value: Buffer.alloc(2 * MAX_FRAME_BYTES, 'x') }],
];

/** A topic in which nothing could be shown said so without a reason, and nothing was logged. */
it('an undecodable record is logged once with its reason, and counted by reason', () => {
  const hub = createTestHub();
  const logger = createQuietLogger();
  const topics = createTopicMap([plainTopic(TOPIC)]);
  const feed = createFeed({
    hub,
    ids: createLogIds(topics),
    topics,
    warmRecords: 100,
    maxFrameBytes: MAX_FRAME_BYTES,
    clockSkewMs: 0,
    logger,
  });
  feed.onStart(layoutAt(0n));
  const wrong = [...RECORDS, ...RECORDS].map(([, record]) => ({ ...sound, ...record }));
  const records = wrong.map((record, i) => ({ ...record, offset: BigInt(i), timestampMs: 1_000, key: null }));
  feed.onRecords({ topic: TOPIC, partition: 0, leaderEpoch: 0, records, next: BigInt(records.length) });

  const told: object[] = [];
  const decoder = createFrameDecoder({
    onEvent: ({ event, data }) => told.push({ event, ...JSON.parse(data) }),
  });
  for (let i = hub.ring.base; i < hub.ring.head; i++) decoder.push(hub.ring.at(i).bytes.toString());
  expect(told).toEqual(
    records.map(({ value }, i) => ({
      event: 'gateway.undecodable',
      topic: TOPIC,
      partition: 0,
      offset: String(i),
      bytes: value.length,
      reason: RECORDS[i % RECORDS.length]![0],
    })),
  );
  expect(feed.stats().records[TOPIC]!.undecodable).toMatchObject({
    'not-utf8': 2,
    'bad-channel': 4,
    'bad-event-name': 4,
    'too-large': 2,
  });
  const warnings = logger.lines.filter(({ message }) => message.startsWith('Undecodable record'));
  expect(warnings.map(({ level, fields }) => ({ level, ...fields }))).toEqual(
    [
      ['not-utf8', '0'],
      ['bad-channel', '1'],
      ['bad-event-name', '3'],
      ['too-large', '5'],
    ].map(([reason, offset]) => ({
      level: 'warn',
      topic: TOPIC,
      partition: 0,
      offset,
      reason,
      hint: expect.any(String),
    })),
  );
});

it('/kafka/status and /metrics count them by topic and reason', async () => {
  const { url } = await startGateway({ MAX_FRAME_BYTES: String(MAX_FRAME_BYTES) });
  const stream = await openStream(`${url}/events`);
  const body = 'x'.repeat(2 * MAX_FRAME_BYTES);
  expect((await fetch(`${url}/broadcast`, { method: 'POST', body })).status).toBe(202);
  await stream.until(({ events }) => events.some(({ event }) => event === 'gateway.undecodable'));
  expect(await (await fetch(`${url}/kafka/status`)).json()).toMatchObject({
    consumer: { undecodable: [{ topic: 'events-topic', reason: 'too-large', records: 1 }] },
  });
  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toContain(
    'sse_gateway_events_undecodable_total{topic="events-topic",reason="too-large"} 1\n',
  );
  expect(metrics).toContain(
    'sse_gateway_events_undecodable_total{topic="events-topic",reason="not-utf8"} 0\n',
  );
});
