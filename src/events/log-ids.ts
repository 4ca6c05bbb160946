import type { Positions } from '../hub/positions';
import { formatCursor } from '../wire/cursor';
import { idLine } from '../wire/frame';
import type { PartitionSlots } from './partition-slots';

/** The event log as ids name it. */
export interface Layout {
  /** `clusterHash` of the cluster's id. */
  readonly cluster: string;
  readonly slots: PartitionSlots;
}

/** Makes the ids of events: which event log they belong to, and how far it has been read. */
export interface LogIds {
  /** Null until the event log was reached and the ring is warm: before that, ids are neither checked nor written. */
  layout(): Layout | null;
  /** Resolves when there is a layout. */
  whenReady(): Promise<void>;
  /** The id of these positions. @throws RangeError before the event log was reached */
  idOf(positions: Positions): string;
  /** The same as the `id:` line of a frame. @throws RangeError before the event log was reached */
  idLine(positions: Positions): Buffer;
  /**
   * The id after a record at `offset` if the event log has one partition in all; else null.
   * @param leaderEpoch unset: not known yet, because the record has not been read
   */
  idAfter(offset: bigint, leaderEpoch?: number): string | null;
}

/** The side of the feed, which reads the event log. */
export interface LogIdsOwner extends LogIds {
  /** The layout as soon as the event log was reached; null before. */
  reached(): Layout | null;
  /** The event log was reached, or was replaced by another one. */
  begin(layout: Layout): void;
  /** From now on ids are checked and written. Has no effect the second time. */
  open(): void;
}

export function createLogIds(): LogIdsOwner {
  let layout: Layout | null = null;
  let isOpen = false;
  let lastPositions: Positions | null = null;
  let lastId = '';
  let becomeReady: () => void;
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });

  /** Keeps the last id, since many streams ask for the newest positions. Positions are immutable: the same object has the same id. */
  function idOf(positions: Positions): string {
    if (layout === null) throw new RangeError('there are no ids before the event log was reached');
    if (positions !== lastPositions) {
      lastId = formatCursor({ cluster: layout.cluster, topics: layout.slots.byTopic(positions) });
      lastPositions = positions;
    }
    return lastId;
  }

  return {
    layout: () => (isOpen ? layout : null),
    whenReady: () => ready,
    idOf,
    idLine: (positions) => Buffer.from(idLine(idOf(positions))),
    idAfter(offset, leaderEpoch) {
      if (layout === null) return null;
      const { cluster, slots } = layout;
      const [topic, another] = slots.topics;
      if (topic === undefined || another !== undefined) return null;
      const [slot, second] = slots.slotsOf(topic);
      if (slot === undefined || second !== undefined) return null;
      const position = offset + 1n;
      const epoch = leaderEpoch ?? slots.epochsOf(slot).at(position);
      return formatCursor({
        cluster,
        topics: [{ key: slots.keyOf(topic), positions: [position], epochs: [epoch] }],
      });
    },
    reached: () => layout,
    begin(found) {
      layout = found;
      lastPositions = null;
    },
    open() {
      isOpen = true;
      becomeReady();
    },
  };
}
