import { plainTopic } from '../../src/config/topic-settings';
import type { LogLayout } from '../../src/eventlog/event-log';
import { createFeed, type Feed } from '../../src/events/feed';
import { createLogIds, type LogIds } from '../../src/events/log-ids';
import { createTopicMap } from '../../src/events/topic-map';
import type { Hub } from '../../src/hub/hub';
import { createTestHub } from './hub';
import { createQuietLogger } from './quiet-logger';

/** The topic with one partition that a feed under test reads. */
export const TOPIC = 'a';

export function layoutAt(logEnd: bigint): LogLayout {
  const partitions = [{ topic: TOPIC, partition: 0, topicId: 'f'.repeat(32), logStart: 0n, logEnd }];
  return { clusterId: 'test', partitions, unavailable: [] };
}

/** A feed and the hub it fills, without a log. */
export function createTestFeed(): { readonly feed: Feed; readonly ids: LogIds; readonly hub: Hub } {
  const hub = createTestHub();
  const topics = createTopicMap([plainTopic(TOPIC), plainTopic('b', '/b')]);
  const logger = createQuietLogger();
  const ids = createLogIds(topics);
  return {
    hub,
    ids,
    feed: createFeed({ hub, ids, topics, warmRecords: 100, maxFrameBytes: 1 << 20, clockSkewMs: 0, logger }),
  };
}
