import type { EventLog, PartitionStatus } from '../eventlog/event-log';
import type { Feed } from '../events/feed';
import type { UndecodableCounts } from '../events/undecodable-records';
import type { CurrentAggregation } from './current-aggregation';

/** `GET /kafka/status`: what the log says of itself, with offsets as decimal strings since they may pass 2^53. */
export function kafkaStatus(
  log: EventLog,
  feed: Pick<Feed, 'stats'>,
  aggregation: CurrentAggregation,
): object {
  const { eventLog, producer, consumer, topics } = log.status();
  const { partitions, ...connection } = consumer;
  return {
    eventLog,
    producer,
    consumer: {
      ...connection,
      currentAggregation: aggregation.report(),
      undecodable: undecodableOf(feed.stats().undecodable),
      partitions: partitions.map((status) => ({
        topic: status.topic,
        partition: status.partition,
        state: status.read.state,
        stateSince: status.read.since,
        error: status.read.detail,
        position: decimal(status.position),
        highWatermark: decimal(status.highWatermark),
        lag: lagOf(status),
        lastStableOffset: decimal(status.lastStableOffset),
        heldBackSince: status.heldBackSince,
        lastRecordAt: status.lastRecordAt,
      })),
    },
    topics,
  };
}

/** Those that there are, by topic and reason. */
function undecodableOf(counts: UndecodableCounts): object[] {
  return Object.entries(counts).flatMap(([topic, byReason]) =>
    Object.entries(byReason)
      .filter(([, records]) => records > 0)
      .map(([reason, records]) => ({ topic, reason, records })),
  );
}

/** Records that this instance has yet to read; null for a partition that has not been read yet. */
export function lagOf({
  position,
  highWatermark,
}: Pick<PartitionStatus, 'position' | 'highWatermark'>): number | null {
  if (position === null || highWatermark === null) return null;
  // What it has read may be ahead of what the log last said.
  return Number(highWatermark > position ? highWatermark - position : 0n);
}

function decimal(offset: bigint | null): string | null {
  return offset === null ? null : String(offset);
}
