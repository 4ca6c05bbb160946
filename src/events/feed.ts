import type {
  JoinedPartition,
  LogGap,
  LogLayout,
  LogReset,
  LogTruncation,
  PartitionBounds,
  RecordBatch,
  TailListener,
  TopicPartition,
  Untaken,
} from '../eventlog/event-log';
import { isOddTimestamp, keyOf } from '../eventlog/records';
import type { Hub } from '../hub/hub';
import { Positions } from '../hub/positions';
import { createEntry, type FrameFrom } from '../hub/ring';
import type { Logger } from '../logger';
import { createSlabs } from '../slabs';
import { clusterHash, topicDigest } from '../wire/cursor';
import type { GatewayEvents, JsonEventName, StreamStatus } from '../wire/gateway-events';
import { gapData, ownFrame } from '../wire/own-event';
import { EVERYTHING, sinceTime } from '../wire/since-time';
import type { LogIdsOwner } from './log-ids';
import { PartitionSlots, type SlotPartition } from './partition-slots';
import { createRecordCounter, type RecordCounts } from './record-counts';
import { encodeRecord, type RecordEntry } from './record-entry';
import { idempotencyKeyOf } from './record-event';
import { createRepeatFilter } from './repeat-filter';
import type { TopicMap } from './topic-map';

export interface FeedDeps {
  readonly hub: Hub;
  readonly ids: LogIdsOwner;
  readonly topics: TopicMap;
  /** Records read into the ring before the first stream gets any, split evenly among the partitions. */
  readonly warmRecords: number;
  /** A larger frame is replaced by `gateway.undecodable`. */
  readonly maxFrameBytes: number;
  /** By how much the clocks of producers and brokers may differ from the gateway's. */
  readonly clockSkewMs: number;
  /** Unix time; unset: the system's. */
  readonly nowMs?: () => number;
  /** Called with each event published after the ring is warm. */
  readonly onEvent?: (event: RecordEntry) => void;
  readonly logger: Logger;
}

/** Counts since the start of the gateway. */
export interface FeedStats {
  /** Records read, by topic, including those that warmed the ring. */
  readonly consumed: Readonly<Record<string, number>>;
  /** By topic, what became of them. */
  readonly records: Readonly<Record<string, RecordCounts>>;
  /** Of them, records with an implausible timestamp, by topic. */
  readonly oddTimestamps: Readonly<Record<string, number>>;
  /** Of them, records left out because they repeat an earlier one under the same idempotency key. */
  readonly repeats: number;
  /** Gaps that the tail met, and the offsets they cover. */
  readonly gaps: Readonly<Record<LogGap['reason'], number>>;
  readonly lost: Readonly<Record<LogGap['reason'], number>>;
  /** Resets of the event log, by reason. */
  readonly resets: Readonly<Record<LogReset['reason'] | 'truncated', number>>;
}

/** Fills the hub from the tail of the event log: encodes each record once, and all streams share those bytes. */
export interface Feed extends TailListener {
  /** Sends `gateway.status` to the streams that may see channels below `scope`; null: to all. */
  announceStatus(status: StreamStatus, scope: string | null): void;
  /** The ring counts as warm without these partitions. */
  warmWithout(partitions: readonly TopicPartition[]): void;
  stats(): FeedStats;
}

export function createFeed(deps: FeedDeps): Feed {
  const { hub, ids, topics, warmRecords, maxFrameBytes, clockSkewMs, onEvent, logger } = deps;
  const { nowMs = Date.now } = deps;
  const { ring } = hub;
  const repeats = createRepeatFilter();
  const slabs = createSlabs();
  let isWarm = false;
  /** End of the event log when it was reached: the ring is warm once it is read up to here. */
  let warmEnd = Positions.NONE;
  const consumed: Record<string, number> = Object.fromEntries(topics.all.map(({ name }) => [name, 0]));
  const oddTimestamps: Record<string, number> = Object.fromEntries(topics.all.map(({ name }) => [name, 0]));
  const gaps: Record<LogGap['reason'], number> = { retention: 0, codec: 0, corrupt: 0 };
  const lost: Record<LogGap['reason'], number> = { retention: 0, codec: 0, corrupt: 0 };
  const resets = { truncated: 0, recreated: 0, cluster: 0 };
  const counter = createRecordCounter(topics.all, logger);
  let repeated = 0;

  function begin(found: LogLayout, starts: readonly bigint[]): void {
    const since = sinceTime(nowMs() - clockSkewMs);
    const unavailable = found.unavailable.map((one) => slotPartition(one, since));
    const slots = new PartitionSlots([
      ...found.partitions.map((bounds) => slotPartition(bounds, bounds.logStart)),
      ...unavailable,
    ]);
    ids.begin({ cluster: clusterHash(found.clusterId), slots });
    repeats.clear();
    hub.restart(bySlot(slots, found.partitions, starts));
    // The ring gets warm without partitions that cannot be reached.
    warmEnd = bySlot(slots, found.partitions, endsOf(found));
    judgeWarmth();
  }

  /** Slots from `size` on were added: positions noted before get their starts. Returns the newest positions with them. */
  function grown(size: number): Positions {
    const slots = knownSlots();
    const starts = Array.from({ length: slots.size - size }, (_, i) => slots.partitionOf(size + i).start);
    ring.grow(starts);
    // A replaced slot gets no more records: no stream waits for it, and warming does not either.
    for (const { reason, replaced } of slots.replacementsAfter(size)) {
      for (const slot of replaced) {
        if (reason === 'recreated') hub.retire(slot);
        if (slot < warmEnd.length) warmEnd = warmEnd.with(slot, ring.positions.at(slot)!);
      }
    }
    return ring.positions.concat(starts);
  }

  /** A partition lost its records from `to` on. */
  function truncate(topic: string, partition: number, to: bigint): void {
    const slots = knownSlots();
    const chain = slots.chainOf(topic, partition);
    slots.truncate(slots.slotOf(topic, partition), to);
    for (const slot of chain) hub.truncate(slot, to);
  }

  function judgeWarmth(): void {
    if (isWarm || !ring.reaches(ring.positions, warmEnd)) return;
    isWarm = true;
    logger.info({ records: ring.head - ring.base }, 'Ring filled');
    ids.open();
  }

  /** The tail calls `onStart` first, so the slots are known in every other callback. */
  function knownSlots(): PartitionSlots {
    return ids.reached()!.slots;
  }

  function moved(slot: number, next: bigint): Positions {
    return ring.positions.with(slot, next);
  }

  /** Gives partitions new slots, and sends `gateway.reset` to all streams. */
  function replace(reason: 'truncated' | 'recreated', names: readonly string[], change: () => void): void {
    const { size } = knownSlots();
    change();
    // Records that repeat a lost one must be delivered.
    repeats.clear();
    announce('gateway.reset', { reason, topics: names }, grown(size));
    judgeWarmth();
  }

  /** Publishes an event of the gateway itself: to every stream whatever it subscribed to, or to those in `scope`. */
  function announce<N extends JsonEventName>(
    event: N,
    data: GatewayEvents[N],
    positions: Positions,
    scope: string | null = null,
  ): void {
    const frame = ownFrame(event, data, ids.idOfAll(positions));
    hub.publish(createEntry(frame, { channel: null, scope, event, isOwn: true }, null), positions);
    hub.flush();
  }

  function slotOf(topic: string, partition: number): number {
    return knownSlots().slotOf(topic, partition);
  }

  return {
    onStart(found) {
      const share = BigInt(Math.floor(warmRecords / Math.max(1, found.partitions.length)));
      const starts = found.partitions.map(({ logStart, logEnd }) =>
        logEnd - share > logStart ? logEnd - share : logStart,
      );
      logger.info({ partitions: found.partitions.length }, 'Event log reached');
      begin(found, starts);
      return starts;
    },

    onRecords(batch: RecordBatch): Untaken | null {
      const topic = topics.byName(batch.topic);
      const slot = slotOf(batch.topic, batch.partition);
      const { next, leaderEpoch } = batch;
      const first = batch.records[0]?.offset ?? null;
      knownSlots().noteEpoch(slot, { from: ring.positions.at(slot)!, first, next, leaderEpoch });
      const nowMs = Date.now();
      let untaken: Untaken | null = null;
      for (const record of batch.records) {
        const positions = moved(slot, record.offset + 1n);
        const key = idempotencyKeyOf(record);
        // A repeat never gets into the ring: in a shared slab its bytes would be kept by the records beside it.
        const allocate = key === null ? slabs : undefined;
        const { bytes: id } = ids.lineOfTopic(batch.topic, positions);
        const entry = encodeRecord(id, record, slot, batch, topic, maxFrameBytes, allocate);
        if ('until' in entry) {
          untaken = { from: record.offset, detail: entry.detail };
          break;
        }
        consumed[batch.topic]!++;
        if (isOddTimestamp(record.timestampMs, nowMs)) oddTimestamps[batch.topic]!++;
        if ('leftOut' in entry) {
          counter.addLeftOut(batch, record.offset, entry.leftOut);
          ring.advance(positions);
          continue;
        }
        const { channel, event, origin } = entry;
        const isRepeat =
          key !== null && repeats.isRepeat(key, { channel, event, data: record.value }, ring.head, ring.base);
        counter.add(origin);
        if (isRepeat) {
          repeated++;
          ring.advance(positions);
          continue;
        }
        hub.publish(entry, positions);
        if (isWarm) onEvent?.(entry);
      }
      // Publishing the last record advanced the ring already, unless offsets without records follow it.
      const end = untaken?.from ?? next;
      if (ring.positions.at(slot) !== end) ring.advance(moved(slot, end));
      judgeWarmth();
      hub.flush();
      return untaken;
    },

    onGap({ topic, partition, from, to, reason }: LogGap) {
      gaps[reason]++;
      lost[reason] += Number(to - from);
      logger.warn({ topic, partition, from: String(from), to: String(to), reason }, 'Gap in the event log');
      const slot = slotOf(topic, partition);
      const positions = moved(slot, to);
      const event = 'gateway.gap';
      // A client that resumes from a gateway that had read further gets only the part of the gap behind its id.
      const frameFrom: FrameFrom = (position) => {
        const own = { topic, partition, from: position > from ? position : from, to, reason };
        return ownFrame(event, gapData(own), ids.lineOfTopic(topic, positions).bytes);
      };
      const address = { channel: null, scope: topics.byName(topic).base, event, isOwn: true };
      hub.publish(createEntry(frameFrom(from), address, slot, null, 0, frameFrom), positions);
      hub.flush();
      judgeWarmth();
    },

    onReset({ reason, topics: names, layout: found }: LogReset) {
      resets[reason]++;
      logger.warn({ reason, topics: names }, 'Event log reset; resuming at its end');
      if (reason === 'cluster') {
        begin(found, endsOf(found));
        announce('gateway.reset', { reason, topics: names }, ring.positions);
        return;
      }
      const isConcerned = ({ topic }: TopicPartition) => names.includes(topic);
      replace(reason, names, () => {
        knownSlots().add([
          ...found.partitions.filter(isConcerned).map((bounds) => slotPartition(bounds, bounds.logEnd)),
          ...found.unavailable.filter(isConcerned).map((one) => slotPartition(one, EVERYTHING)),
        ]);
      });
    },

    onTruncated({ topic, partition, to }: LogTruncation) {
      resets.truncated++;
      logger.warn(
        { topic, partition, to: String(to) },
        'Partition truncated: it lost records that were read',
      );
      replace('truncated', [topic], () => truncate(topic, partition, to));
    },

    onPartitions(added: readonly JoinedPartition[]) {
      const slots = knownSlots();
      const { size } = slots;
      slots.add(added.map((joined) => slotPartition(joined, joined.start)));
      ring.advance(grown(size));
      for (const { topic, partition, start } of added) {
        const slot = slots.slotOf(topic, partition);
        if (ring.positions.at(slot)! >= 0n) continue;
        // Its slot was added while it could not be reached.
        slots.settle(slot, start);
        hub.setStart(slot, start);
      }
      hub.flush();
      logger.info({ added: added.map(keyOf) }, 'Partitions added');
    },

    announceStatus(status, scope) {
      if (isWarm) announce('gateway.status', status, ring.positions, scope);
    },

    warmWithout(partitions) {
      const slots = ids.reached()?.slots;
      if (isWarm || slots === undefined) return;
      for (const { topic, partition } of partitions) {
        const slot = slots.find(topic, partition);
        if (slot !== null) warmEnd = warmEnd.with(slot, ring.positionIn(ring.positions, slot));
      }
      judgeWarmth();
    },

    stats: () => ({
      consumed,
      oddTimestamps,
      records: counter.counts,
      repeats: repeated,
      gaps,
      lost,
      resets,
    }),
  };
}

function slotPartition(
  { topic, topicId, partition }: TopicPartition & { readonly topicId: string },
  start: bigint,
): SlotPartition {
  return { topic, digest: topicDigest(topicId), partition, start };
}

function endsOf({ partitions }: LogLayout): bigint[] {
  return partitions.map(({ logEnd }) => logEnd);
}

/** Positions in the order of the slots, from values in the order of `partitions`; other slots are at their start. */
function bySlot(
  slots: PartitionSlots,
  partitions: readonly PartitionBounds[],
  values: readonly bigint[],
): Positions {
  const positions = Array.from({ length: slots.size }, (_, slot) => slots.partitionOf(slot).start);
  for (const [i, { topic, partition }] of partitions.entries())
    positions[slots.slotOf(topic, partition)] = values[i]!;
  return Positions.of(positions);
}
