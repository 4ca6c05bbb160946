import type { Positions } from '../hub/positions';
import { CursorLine } from '../wire/cursor-line';
import type { PartitionSlots, SlotPlace, SlotTopic } from './partition-slots';

/** The event log as ids name it. */
export interface Layout {
  /** `clusterHash` of the cluster's id. */
  readonly cluster: string;
  readonly slots: PartitionSlots;
}

/** Makes the `id:` lines of one scope, each from the one before. */
export interface IdLines {
  /** Of use until the next one is made. */
  lineOf(layout: Layout, positions: Positions): CursorLine;
}

/**
 * Lines made from one another, before one is made anew: so it comes back from a window that had to be wide for a while,
 * and to what a partition's leader epoch has become.
 */
const MAX_MOVES = 4_096;
const NOT_NAMED = -1;

/** A line, and what it was made of. */
interface Made {
  readonly slots: PartitionSlots;
  readonly version: number;
  readonly line: CursorLine;
  readonly topics: readonly SlotTopic[];
  /** By slot, the index of its topic in the line. */
  readonly topicOf: Int32Array;
  positions: Positions;
  moves: number;
}

export function createIdLines(topics: ReadonlySet<string>): IdLines {
  let made: Made | null = null;

  function anew({ cluster, slots }: Layout, positions: Positions): Made {
    const named = slots.byTopic(positions, topics);
    return {
      slots,
      version: slots.version,
      line: new CursorLine({ cluster, topics: named }),
      topics: named,
      topicOf: topicsBySlot(slots, named),
      positions,
      moves: 0,
    };
  }

  return {
    lineOf(layout, positions) {
      if (made === null || !canFollow(made, layout.slots, positions)) made = anew(layout, positions);
      else if (positions !== made.positions && !follow(made, positions)) made = anew(layout, positions);
      return made.line;
    },
  };
}

function topicsBySlot(slots: PartitionSlots, named: readonly SlotTopic[]): Int32Array {
  const topicOf = new Int32Array(slots.size).fill(NOT_NAMED);
  for (const [i, { topic, positions }] of named.entries())
    for (const partition of positions.keys())
      for (const slot of slots.chainOf(topic, partition)) topicOf[slot] = i;
  return topicOf;
}

function canFollow(
  { slots, version, positions: before, topics, moves }: Made,
  now: PartitionSlots,
  positions: Positions,
): boolean {
  if (slots !== now || version !== now.version || moves >= MAX_MOVES) return false;
  // Positions that were noted before a slot was added may name an earlier topic.
  if (before.length !== now.size || positions.length !== now.size) return false;
  return !topics.some(({ isAhead }) => isAhead);
}

/** False when the line cannot be changed in place. It may be changed in part then. */
function follow(made: Made, positions: Positions): boolean {
  const { slots, topicOf, positions: before } = made;
  const { length } = positions;
  for (let slot = positions.nextUnshared(before, 0, length); slot < length; ) {
    if (topicOf[slot] !== NOT_NAMED && positions.at(slot) !== before.at(slot)) {
      if (!moveTo(made, topicOf[slot]!, slots.placeIn(positions, slot))) return false;
    }
    slot = positions.nextUnshared(before, slot + 1, length);
  }
  made.positions = positions;
  made.moves++;
  return true;
}

function moveTo({ line, topics }: Made, topic: number, place: SlotPlace): boolean {
  const { partition, position, epoch } = place;
  if (epoch !== topics[topic]!.epochs[partition]) return false;
  return line.move(topic, partition, position);
}
