import type { EventLog } from '../eventlog/event-log';
import type { CurrentAggregation } from './current-aggregation';

/** `GET /kafka/status`: what the log says of itself, with offsets as decimal strings since they may pass 2^53. */
export function kafkaStatus(log: EventLog, aggregation: CurrentAggregation): object {
  const { eventLog, producer, consumer } = log.status();
  const { partitions, ...connection } = consumer;
  return {
    eventLog,
    producer,
    consumer: {
      ...connection,
      currentAggregation: aggregation.report(),
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

/** Records that this instance has yet to read; what it has read may be ahead of what the log last said. */
export function lagOf({ position, highWatermark }: { position: bigint; highWatermark: bigint }): number {
  return Number(highWatermark > position ? highWatermark - position : 0n);
}
