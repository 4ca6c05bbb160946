import type { TopicPartition } from '../eventlog/event-log';
import type { PartitionSlots } from '../events/partition-slots';
import type { Positions } from '../hub/ring';
import type { Cursor } from '../wire/cursor';
import type { StreamGap, StreamReset } from '../wire/gateway-events';
import { type Gap, gapData } from '../wire/own-event';

/** What a cursor says of one partition that is known here. */
export interface Claim extends TopicPartition {
  /** As an offset, or `sinceTime`. */
  readonly position: bigint;
  /** −1 when it says none. */
  readonly epoch: number;
}

/** A cursor in the terms of this replica. */
export interface Claims {
  readonly all: readonly Claim[];
  /** By slot, what its client has. */
  readonly floor: Positions;
  /** The cursor names a topic that is not here (any more), or that could be either of two. */
  readonly isTopicUnknown: boolean;
  /** Topics that the cursor does not name, which begin now. */
  readonly unnamed: readonly string[];
  /** Topics of which it names more partitions than are known; they begin now as long as that is so. */
  readonly short: ReadonlySet<string>;
}

export interface ClaimsOptions {
  /** Positions at which topics begin that the cursor does not name. */
  readonly base: Positions;
  /** How far this replica has read. */
  readonly head: Positions;
}

export function claimsOf(cursor: Cursor, slots: PartitionSlots, { base, head }: ClaimsOptions): Claims {
  const floor = Array.from({ length: slots.size }, (_, slot) => slots.positionIn(base, slot));
  // Nothing can be read any more of a topic that was deleted.
  for (const { reason, replaced } of slots.replacementsAfter(0))
    if (reason === 'recreated') for (const slot of replaced) floor[slot] = slots.positionIn(head, slot);
  const all: Claim[] = [];
  const named = new Set<string>();
  const short = new Set<string>();
  let isTopicUnknown = false;
  // The longest keys first: a topic that one of them names is not what a shorter one means.
  for (const { key, positions, epochs } of [...cursor.topics].sort((a, b) => b.key.length - a.key.length)) {
    const [topic, another] = slots.named(key).filter((name) => !named.has(name));
    if (topic === undefined || another !== undefined) {
      isTopicUnknown = true;
      continue;
    }
    named.add(topic);
    const known = slots.slotsOf(topic);
    if (positions.length > known.length) {
      short.add(topic);
      continue;
    }
    for (const partition of known.keys()) {
      const position = positions[partition];
      if (position === undefined) {
        // Created later: all of it is new.
        for (const own of slots.chainOf(topic, partition)) floor[own] = slots.partitionOf(own).start;
        continue;
      }
      placeAt(floor, slots, { topic, partition }, position);
      all.push({ topic, partition, position, epoch: epochs[partition]! });
    }
  }
  const unnamed = slots.topics.filter((name) => !named.has(name));
  return { all, floor, isTopicUnknown, unnamed, short };
}

/**
 * Puts a floor's partition at a position. Each of its slots but the last has nothing beyond where the next one begins: a
 * floor beyond that would stand for records that the log lost, which its stream would have to be told of.
 */
export function placeAt(
  floor: bigint[],
  slots: PartitionSlots,
  { topic, partition }: TopicPartition,
  position: bigint,
): void {
  const chain = slots.chainOf(topic, partition);
  for (const [i, slot] of chain.entries()) {
    const { start } = slots.partitionOf(slot);
    const next = chain[i + 1];
    const end = next === undefined ? null : slots.partitionOf(next).start;
    if (end !== null && position > end) floor[slot] = end;
    else floor[slot] = i > 0 && position < start ? start : position;
  }
}

/** Topics whose past cannot be given back; the others go on where they were. */
export interface ResetNotice {
  readonly event: 'gateway.reset';
  readonly reason: Exclude<StreamReset['reason'], 'recreated'>;
  readonly topics: readonly string[];
  /** What its id says. */
  readonly positions: Positions;
}

/** What a stream is told before its first event, because something cannot be given back. */
export type Notice =
  | {
      readonly event: 'gateway.gap';
      readonly gap: Gap & { readonly reason: 'retention' };
      /** What its id says. */
      readonly positions: Positions;
    }
  | ResetNotice;

export function noticeData(notice: Notice): StreamGap | StreamReset {
  if (notice.event === 'gateway.gap') return gapData(notice.gap);
  const { reason, topics } = notice;
  return { reason, topics };
}
