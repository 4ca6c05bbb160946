import type { LogLayout } from '../../src/eventlog/event-log';
import { createFeed, type Feed } from '../../src/events/feed';
import { createTopicMap } from '../../src/events/topic-map';
import { Hub } from '../../src/hub/hub';
import { createQuietLogger } from './quiet-logger';

/** The topic with one partition that a feed under test reads. */
export const TOPIC = 'a';

export function layoutAt(logEnd: bigint): LogLayout {
  const partitions = [{ topic: TOPIC, partition: 0, topicId: 'f'.repeat(32), logStart: 0n, logEnd }];
  return { clusterId: 'test', partitions };
}

/** A feed and the hub it fills, without a log. */
export function createTestFeed(): { readonly feed: Feed; readonly hub: Hub } {
  const hub = new Hub({
    ring: { records: 100, bytes: 1 << 20 },
    sliceBytes: 1_000,
    writesPerTurn: 100,
    onPressure: () => undefined,
    onSinkError: (error) => {
      throw error;
    },
    withMeta: (entry) => entry,
    idLine: () => Buffer.alloc(0),
    onBeforeRing: () => 0,
  });
  const topics = createTopicMap([
    { name: TOPIC, base: '/', encoding: 'utf8' },
    { name: 'b', base: '/b', encoding: 'utf8' },
  ]);
  const logger = createQuietLogger();
  return { hub, feed: createFeed({ hub, topics, warmRecords: 100, maxFrameBytes: 1 << 20, logger }) };
}
