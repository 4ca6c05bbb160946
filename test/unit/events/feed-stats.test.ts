import { UNDECODABLE_REASONS } from '../../../src/events/record-event';
import { createTestFeed, layoutAt, TOPIC } from '../../support/feed';

const record = (offset: bigint, value: string | Buffer) => ({
  offset,
  timestampMs: 1_000,
  key: null,
  value: Buffer.from(value),
  headers: [],
});

const NONE = Object.fromEntries(UNDECODABLE_REASONS.map((reason) => [reason, 0]));

describe('what the feed counts', () => {
  it('begins at zero for every topic and reason', () => {
    expect(createTestFeed().feed.stats()).toEqual({
      consumed: { a: 0, b: 0 },
      oddTimestamps: { a: 0, b: 0 },
      records: {
        a: { undecodable: NONE, mapping: null, filter: null },
        b: { undecodable: NONE, mapping: null, filter: null },
      },
      repeats: 0,
      gaps: { retention: 0, codec: 0, corrupt: 0 },
      lost: { retention: 0, codec: 0, corrupt: 0 },
      resets: { truncated: 0, recreated: 0, cluster: 0 },
    });
  });

  it('is each record, hole and reset once', () => {
    const { feed } = createTestFeed();
    feed.onStart(layoutAt(0n));
    const at = { topic: TOPIC, partition: 0 };
    feed.onRecords({
      ...at,
      records: [record(0n, 'x'), record(1n, Buffer.from([0xff]))],
      next: 2n,
      leaderEpoch: 0,
    });
    feed.onGap({ ...at, from: 2n, to: 12n, reason: 'codec' });
    feed.onGap({ ...at, from: 12n, to: 13n, reason: 'codec' });
    feed.onGap({ ...at, from: 13n, to: 113n, reason: 'retention' });
    // A hole that compaction left is no loss.
    feed.onRecords({ ...at, records: [record(120n, 'y')], next: 130n, leaderEpoch: 0 });
    feed.onReset({ reason: 'recreated', topics: [TOPIC], layout: layoutAt(5n) });
    expect(feed.stats()).toEqual({
      consumed: { a: 3, b: 0 },
      // Those above have the time 0.
      oddTimestamps: { a: 3, b: 0 },
      records: {
        a: { undecodable: { ...NONE, 'not-utf8': 1 }, mapping: null, filter: null },
        b: { undecodable: NONE, mapping: null, filter: null },
      },
      repeats: 0,
      gaps: { retention: 1, codec: 2, corrupt: 0 },
      lost: { retention: 100, codec: 11, corrupt: 0 },
      resets: { truncated: 0, recreated: 1, cluster: 0 },
    });
  });
});
