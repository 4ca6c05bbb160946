import type { EventLog } from '../eventlog/event-log';
import type { Feed } from '../events/feed';
import type { UndecodableCounts } from '../events/undecodable-records';
import type { CurrentAggregation } from './current-aggregation';

/** `GET /kafka/status`: what the log says of itself, with offsets as decimal strings since they may pass 2^53. */
export function kafkaStatus(
  log: EventLog,
  feed: Pick<Feed, 'stats'>,
  aggregation: CurrentAggregation,
): object {
  const { eventLog, producer, consumer } = log.status();
  const { partitions, ...connection } = consumer;
  return {
    eventLog,
    producer,
    consumer: {
      ...connection,
      currentAggregation: aggregation.report(),
      undecodable: undecodableOf(feed.stats().undecodable),
      partitions: partitions.map(({ topic, partition, position, highWatermark, lastRecordAt }) => ({
        topic,
        partition,
        position: String(position),
        highWatermark: String(highWatermark),
        lag: lagOf({ position, highWatermark }),
        lastRecordAt,
      })),
    },
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

/** Records that this instance has yet to read; what it has read may be ahead of what the log last said. */
export function lagOf({ position, highWatermark }: { position: bigint; highWatermark: bigint }): number {
  return Number(highWatermark > position ? highWatermark - position : 0n);
}
