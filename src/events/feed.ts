import type {
  LogGap,
  LogLayout,
  LogReset,
  PartitionBounds,
  RecordBatch,
  TailListener,
} from '../eventlog/event-log';
import type { Hub } from '../hub/hub';
import { PartitionSlots, type SlotPartition } from '../hub/partition-slots';
import type { Positions, RingItem } from '../hub/ring';
import type { Logger } from '../logger';
import { clusterHash, formatCursor, topicHash } from '../sse/cursor';
import { encodeFrame } from '../sse/frame';
import { eventOf, type GatewayEvent, undecodable } from './record-event';
import type { TopicMap } from './topic-map';

export interface FeedDeps {
  readonly hub: Hub;
  readonly topics: TopicMap;
  /** A frame over this many bytes is not sent; `gateway.undecodable` stands for it. */
  readonly maxFrameBytes: number;
  readonly logger: Logger;
}

/** Brings what the log's tail reads into the hub, each record once as the bytes that all its streams will get. */
export interface Feed extends TailListener {
  /** The id that stands for these positions; null until the log has been reached, since no id can be judged before. */
  idOf(positions: Positions): string | null;
  /** The id after a record at `offset`, when the log has one partition in all; else null. */
  idAfter(offset: bigint): string | null;
}

function slotPartition({ topic, topicId, partition, logStart }: PartitionBounds): SlotPartition {
  return { topic, topicKey: topicHash(topicId), partition, logStart };
}

export function createFeed({ hub, topics, maxFrameBytes, logger }: FeedDeps): Feed {
  let slots: PartitionSlots | null = null;
  let cluster = '';
  let lastPositions: Positions | null = null;
  let lastId = '';

  function begin(layout: LogLayout, starts: readonly bigint[]): void {
    slots = new PartitionSlots(layout.partitions.map(slotPartition));
    cluster = clusterHash(layout.clusterId);
    lastPositions = null;
    // Slots stand in their own order, the layout's partitions in the log's.
    const positions = new Array<bigint>(slots.size);
    for (const [i, { topic, partition }] of layout.partitions.entries())
      positions[slots.slotOf(topic, partition)] = starts[i]!;
    hub.restart(positions);
  }

  /** Positions are never changed once made, so the same ones have the same id: many streams ask for the head's. */
  function idOf(positions: Positions): string | null {
    if (slots === null) return null;
    if (positions !== lastPositions) {
      lastId = formatCursor({ cluster, topics: [...slots.byTopic(positions)] });
      lastPositions = positions;
    }
    return lastId;
  }

  function moved(topic: string, partition: number, next: bigint): Positions {
    const positions = [...hub.ring.positions];
    positions[slots!.slotOf(topic, partition)] = next;
    return positions;
  }

  /** An event of the gateway itself, which every stream gets whatever it subscribed to. */
  function announce(event: string, data: object, positions: Positions): void {
    hub.publish(
      item({ channel: null, event, data: Buffer.from(JSON.stringify(data)) }, positions),
      positions,
    );
  }

  function item(
    event: Omit<GatewayEvent, 'channel'> & { channel: string | null },
    positions: Positions,
  ): RingItem {
    const { bytes, bodyStart } = encodeFrame(idOf(positions), event.event, event.data);
    return { channel: event.channel, event: event.event, bytes, bodyStart };
  }

  return {
    idOf,
    idAfter(offset) {
      return slots?.size === 1 ? idOf([offset + 1n]) : null;
    },

    onStart(layout) {
      const starts = layout.partitions.map(({ logEnd }) => logEnd);
      begin(layout, starts);
      logger.info({ partitions: layout.partitions.length }, 'reading the log');
      return starts;
    },

    onRecords(batch: RecordBatch) {
      const topic = topics.byName(batch.topic);
      for (const record of batch.records) {
        const positions = moved(batch.topic, batch.partition, record.offset + 1n);
        let entry = item(eventOf(record, batch, topic), positions);
        if (entry.bytes.length > maxFrameBytes) entry = item(undecodable(record, batch, topic), positions);
        hub.publish(entry, positions);
      }
      // The last record says the same, unless the log goes on past it over a hole.
      if (batch.records.at(-1)?.offset !== batch.next - 1n) {
        hub.ring.advance(moved(batch.topic, batch.partition, batch.next));
      }
      hub.flush();
    },

    onGap({ topic, partition, from, to, reason }: LogGap) {
      const lost = Number(to - from);
      logger.warn(
        { topic, partition, from: String(from), to: String(to), reason },
        'records cannot be delivered',
      );
      announce(
        'gateway.gap',
        { reason, topic, partition, requested: String(from), available: String(to), lost },
        moved(topic, partition, to),
      );
      hub.flush();
    },

    onReset({ reason, layout }: LogReset) {
      logger.warn({ reason }, 'the log is another one than before: starting at its end');
      begin(
        layout,
        layout.partitions.map(({ logEnd }) => logEnd),
      );
      announce('gateway.reset', { reason }, hub.ring.positions);
      hub.flush();
    },

    onPartitions(added: readonly PartitionBounds[]) {
      slots!.add(added.map(slotPartition));
      const positions = [...hub.ring.positions];
      for (const { topic, partition, logStart } of added)
        positions[slots!.slotOf(topic, partition)] = logStart;
      hub.ring.advance(positions);
      logger.info(
        { added: added.map(({ topic, partition }) => `${topic}/${partition}`) },
        'partitions joined',
      );
    },
  };
}
