import type { Config } from '../config';
import type { EventLog, PartitionStatus } from '../eventlog/event-log';
import type { Feed } from '../events/feed';
import type { RecordCounts } from '../events/record-counts';
import type { RecordEntry } from '../events/record-entry';
import {
  type AggregationStats,
  NO_EVENTS,
  numberOf,
  parseJson,
  withEvent,
} from '../roles/aggregation-window';
import type { SchemaRegistry } from '../values/schema-registry';
import { dataOf } from '../wire/frame';

/** `GET /kafka/status`: the state of the event log, with offsets as decimal strings since they may exceed 2^53. */
export function kafkaStatus(
  log: EventLog,
  feed: Pick<Feed, 'stats'>,
  aggregation: CurrentAggregation,
  registry: Pick<SchemaRegistry, 'status'> | null = null,
): object {
  const { eventLog, producer, consumer, topics } = log.status();
  const { partitions, ...connection } = consumer;
  const { records, consumed } = feed.stats();
  return {
    eventLog,
    producer,
    consumer: {
      ...connection,
      currentAggregation: aggregation.report(),
      undecodable: undecodableOf(records),
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
    topics: topics.map((status) => ({
      ...status,
      records: recordsOf(consumed[status.topic]!, records[status.topic]!),
    })),
    ...(registry && { schemaRegistry: registry.status() }),
  };
}

/** What became of the records of a topic, with the reasons that there were. */
function recordsOf(read: number, { mapping, filter, undecodable }: RecordCounts): object {
  return {
    read,
    undecodable: aboveZero(undecodable),
    ...(mapping && { mapped: mapping.mapped, unmapped: aboveZero(mapping.unmapped) }),
    ...(filter && { filtered: filter.filtered, filterFailed: filter.failed }),
  };
}

function aboveZero(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** Counts above zero, by topic and reason. */
function undecodableOf(counts: Readonly<Record<string, RecordCounts>>): object[] {
  return Object.entries(counts).flatMap(([topic, { undecodable }]) =>
    Object.entries(aboveZero(undecodable)).map(([reason, records]) => ({ topic, reason, records })),
  );
}

/** Records that this gateway has not read yet; null for a partition that has not been reached. */
export function lagOf({
  position,
  highWatermark,
}: Pick<PartitionStatus, 'position' | 'highWatermark'>): number | null {
  if (position === null || highWatermark === null) return null;
  // The position may be ahead of the last known high watermark.
  return Number(highWatermark > position ? highWatermark - position : 0n);
}

function decimal(offset: bigint | null): string | null {
  return offset === null ? null : String(offset);
}

/** The open aggregation window over the events of this gateway, all topics together. */
export interface CurrentAggregation {
  /** Called for each event: only keeps a reference. */
  onEvent(event: RecordEntry): void;
  /** The `currentAggregation` of `GET /kafka/status`. */
  report(): { readonly currentBuffer: number; readonly stats: AggregationStats };
}

export function createCurrentAggregation(
  { events: maxEvents, windowMs }: Pick<Config['aggregation'], 'events' | 'windowMs'>,
  now: () => number = () => performance.now(),
): CurrentAggregation {
  let open: RecordEntry[] = [];
  let openedMs = 0;

  /** Closed on access, so that no timer is needed. */
  function closeWhenOld(nowMs: number): void {
    if (open.length > 0 && nowMs - openedMs >= windowMs) open = [];
  }

  return {
    onEvent(event) {
      const nowMs = now();
      closeWhenOld(nowMs);
      if (open.length === 0) openedMs = nowMs;
      open.push(event);
      if (open.length >= maxEvents) open = [];
    },

    report() {
      closeWhenOld(now());
      let stats = NO_EVENTS;
      for (const event of open) {
        // An event of the gateway (`gateway.undecodable`) has no value.
        const value = event.isOwn ? 0 : numberOf(parseJson(dataOf(event)));
        stats = withEvent(stats, value, event.origin.timestampMs, Date.now());
      }
      return { currentBuffer: open.length, stats };
    },
  };
}
