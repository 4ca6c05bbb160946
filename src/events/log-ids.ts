import type { Positions } from '../hub/positions';
import type { RingEntry } from '../hub/ring';
import type { Subscription } from '../hub/subscription';
import { overlaps } from '../wire/channel';
import { formatCursor } from '../wire/cursor';
import type { CursorLine } from '../wire/cursor-line';
import { createIdLines, type IdLines, type Layout } from './id-lines';
import type { TopicMap } from './topic-map';

/** What the ids of a subscription name. Many subscriptions have the same. */
export interface IdScope {
  /** The topics that it can see. */
  readonly topics: ReadonlySet<string>;
  /** Of frames, which are made in the order of the event log. */
  readonly frames: IdLines;
  /** Of streams, each of which has positions of its own. */
  readonly streams: IdLines;
}

/** Makes the ids of events: which event log they belong to, and how far it has been read for a subscription. */
export interface LogIds {
  /** Null until the event log was reached and the ring is warm: before that, ids are neither checked nor written. */
  layout(): Layout | null;
  /** Resolves when there is a layout. */
  whenReady(): Promise<void>;
  /** What ids of a stream of these channels name. */
  scopeOf(channels: readonly string[]): IdScope;
  /** False: nothing of this slot's partition can be for the subscription, and its ids do not name it. */
  canSee(subscription: Subscription, slot: number): boolean;
  /** The id of these positions for a stream of these channels. @throws RangeError before the event log was reached */
  idOf(channels: readonly string[], positions: Positions): string;
  /** The same as the `id:` line of a frame. @throws RangeError before the event log was reached */
  idLine(subscription: Subscription, positions: Positions): Buffer;
  /** The `id:` line that an entry of the ring needs for a subscription; null when its own frame has it. */
  lineInstead(subscription: Subscription, entry: RingEntry): Buffer | null;
  /** The id of a subscription that can see all topics. @throws RangeError before the event log was reached */
  idOfAll(positions: Positions): string;
  /**
   * The id after a record on a channel, if streams of the channel can see one partition in all; else null.
   * @param leaderEpoch unset: not known yet, because the record has not been read
   */
  idAfter(channel: string, offset: bigint, leaderEpoch?: number): string | null;
}

/** The side of the feed, which reads the event log. */
export interface LogIdsOwner extends LogIds {
  /** The layout as soon as the event log was reached; null before. */
  reached(): Layout | null;
  /** The event log was reached, or was replaced by another one. */
  begin(layout: Layout): void;
  /** From now on ids are checked and written. Has no effect the second time. */
  open(): void;
  /** The line in the frame of a topic's record: that of streams which can see this topic only. */
  lineOfTopic(topic: string, positions: Positions): CursorLine;
}

/** Scopes that are kept, of those that subscriptions asked for. */
const MAX_SCOPES = 1_000;

export function createLogIds(topics: Pick<TopicMap, 'all'>): LogIdsOwner {
  let layout: Layout | null = null;
  let isOpen = false;
  let becomeReady: () => void;
  const ready = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });
  const all = createScope(topics.all.map(({ name }) => name));
  const byTopic = new Map(
    topics.all.map(({ name }) => [name, topics.all.length === 1 ? all : createScope([name])]),
  );
  /** By the names of its topics, the most recently made last. */
  const others = new Map<string, IdScope>();
  /** Of subscriptions that have an audience. */
  const known = new WeakMap<Subscription, IdScope>();

  function reached(): Layout {
    if (layout === null) throw new RangeError('there are no ids before the event log was reached');
    return layout;
  }

  function scopeOf(channels: readonly string[]): IdScope {
    const names = topics.all.flatMap(({ name, base }) => (overlaps(channels, base) ? [name] : []));
    if (names.length === topics.all.length) return all;
    if (names.length === 1) return byTopic.get(names[0]!)!;
    // No name of a topic has a comma.
    const key = names.join();
    const scope = others.get(key) ?? createScope(names);
    others.set(key, scope);
    if (others.size > MAX_SCOPES) others.delete(others.keys().next().value!);
    return scope;
  }

  function scopeFor(subscription: Subscription): IdScope {
    const found = known.get(subscription);
    if (found !== undefined) return found;
    const scope = scopeOf(subscription.channels);
    known.set(subscription, scope);
    return scope;
  }

  const idLine = (subscription: Subscription, positions: Positions) =>
    Buffer.from(scopeFor(subscription).streams.lineOf(reached(), positions).bytes);

  return {
    layout: () => (isOpen ? layout : null),
    whenReady: () => ready,
    scopeOf,
    canSee: (subscription, slot) =>
      scopeFor(subscription).topics.has(reached().slots.partitionOf(slot).topic),
    idOf: (channels, positions) => scopeOf(channels).streams.lineOf(reached(), positions).id,
    idLine,
    lineInstead(subscription, entry) {
      const { slot, positions } = entry;
      const frameScope = slot === null ? all : byTopic.get(reached().slots.partitionOf(slot).topic);
      return scopeFor(subscription) === frameScope ? null : idLine(subscription, positions);
    },
    idOfAll: (positions) => all.frames.lineOf(reached(), positions).id,
    idAfter(channel, offset, leaderEpoch) {
      if (layout === null) return null;
      const { cluster, slots } = layout;
      const [topic, another] = scopeOf([channel]).topics;
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
    },
    open() {
      isOpen = true;
      becomeReady();
    },
    lineOfTopic: (topic, positions) => byTopic.get(topic)!.frames.lineOf(reached(), positions),
  };
}

function createScope(names: readonly string[]): IdScope {
  const topics = new Set(names);
  return { topics, frames: createIdLines(topics), streams: createIdLines(topics) };
}
