import type { PartitionBounds, TopicPartition } from '../eventlog/event-log';
import { keyOf } from '../eventlog/records';
import type { PartitionSlots } from '../events/partition-slots';
import { Positions } from '../hub/positions';
import type { Ring } from '../hub/ring';
import type { Start } from '../hub/subscriber';
import { type Cursor, topicDigest } from '../wire/cursor';
import type { StreamGap, StreamReset } from '../wire/gateway-events';
import { gapData } from '../wire/own-event';

/** What a cursor says of one partition that is known here. */
export interface Claim extends TopicPartition {
  /** As an offset, or `sinceTime`. */
  readonly position: bigint;
  /** −1 when it says none. */
  readonly epoch: number;
}

/** A cursor in the terms of this gateway. */
interface Claims {
  readonly all: readonly Claim[];
  /** By slot, what its client has. */
  readonly floor: readonly bigint[];
  /** The cursor names a topic that is not here (any more), or that could be either of two. */
  readonly isTopicUnknown: boolean;
  /** Topics that the stream can see and the cursor does not name: they begin now. */
  readonly unnamed: readonly string[];
  /** Topics of which it names more partitions than are known: they begin now until those are known. */
  readonly short: ReadonlySet<string>;
}

interface ClaimsOptions {
  /** Topics that the stream can see: it needs nothing of others. */
  readonly topics: ReadonlySet<string>;
  /** Positions at which topics begin that the cursor does not name. */
  readonly base: Positions;
  /** How far this gateway has read. */
  readonly head: Positions;
}

export function claimsOf(
  cursor: Cursor,
  slots: PartitionSlots,
  { topics, base, head }: ClaimsOptions,
): Claims {
  const floor = Array.from({ length: slots.size }, (_, slot) => slots.positionIn(base, slot));
  // Nothing of a deleted topic can be read any more.
  for (const { reason, replaced } of slots.replacementsAfter(0))
    if (reason === 'recreated') for (const slot of replaced) floor[slot] = slots.positionIn(head, slot);
  const all: Claim[] = [];
  const named = new Set<string>();
  const short = new Set<string>();
  let isTopicUnknown = false;
  // Longest keys first: a shorter key does not mean a topic that a longer one names.
  for (const { key, positions, epochs } of [...cursor.topics].sort((a, b) => b.key.length - a.key.length)) {
    const [topic, another] = slots.named(key).filter((name) => !named.has(name));
    if (topic === undefined || another !== undefined) {
      isTopicUnknown = true;
      continue;
    }
    named.add(topic);
    if (!topics.has(topic)) continue;
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
  const unnamed = slots.topics.filter((name) => topics.has(name) && !named.has(name));
  return { all, floor, isTopicUnknown, unnamed, short };
}

/**
 * Puts a floor's partition at a position. A slot that was replaced holds nothing beyond the start of the next one: a
 * floor beyond that would stand for lost records, which would then have to be reported.
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

export type ResetReason = Exclude<StreamReset['reason'], 'recreated'>;

/** An event before the first record: something is lost. Its id is made of the positions. */
export type Notice = { readonly positions: Positions } & (
  | { readonly event: 'gateway.gap'; readonly data: StreamGap }
  | { readonly event: 'gateway.reset'; readonly data: StreamReset }
);

/** Where a stream begins, and what it has to report first. */
export interface Resolution {
  readonly start: Start;
  readonly notices: readonly Notice[];
}

/** The start that an id asks for, while it is checked. */
export class StartDraft {
  readonly claims: Claims;
  readonly #slots: PartitionSlots;
  readonly #ring: Ring;
  readonly #floor: bigint[];
  /** The first reason that was found, and the topics that are reset: they begin now. */
  #reset: ResetReason | null = null;
  readonly #topics = new Set<string>();
  /** Partitions that were moved back to where their log was truncated. */
  readonly #truncated = new Set<string>();
  readonly #lost: { readonly claim: Claim; readonly logStart: bigint }[] = [];

  /** @param base where topics begin that the cursor does not name @param topics those that the stream can see */
  constructor(
    cursor: Cursor,
    slots: PartitionSlots,
    ring: Ring,
    base: Positions,
    topics: ReadonlySet<string>,
  ) {
    this.#slots = slots;
    this.#ring = ring;
    this.claims = claimsOf(cursor, slots, { topics, base, head: ring.positions });
    this.#floor = [...this.claims.floor];
    const { isTopicUnknown, unnamed } = this.claims;
    if (isTopicUnknown) this.resetTopics('topic', unnamed);
    // Its stream could not see them: what they had until now was not for it.
    else if (cursor.isScoped && unnamed.length > 0) this.resetTopics('channels', unnamed);
  }

  /** True when the ring has everything after the floor. */
  get isInRing(): boolean {
    const { positions } = this.#ring;
    const floor = Positions.of(this.#floor);
    return this.#ring.seqAfter(floor) !== null && this.#ring.reaches(positions, floor);
  }

  resetTopics(reason: ResetReason, topics: Iterable<string>): void {
    this.#reset ??= reason;
    for (const topic of topics) this.#topics.add(topic);
  }

  /**
   * Compares the claims' leader epochs with those that this gateway has seen: truncated claims are moved back.
   * @returns the claims that it cannot judge, because it has not seen their epochs
   */
  judgeEpochs(): Claim[] {
    return this.claims.all.filter((claim) => {
      if (claim.epoch < 0 || claim.position < 0n) return false;
      const slot = this.#slots.slotOf(claim.topic, claim.partition);
      const verdict = this.#slots.epochsOf(slot).judge(claim.position, claim.epoch);
      if (typeof verdict === 'bigint') this.truncate(claim, verdict);
      return verdict === 'unknown';
    });
  }

  isTruncated(claim: Claim): boolean {
    return this.#truncated.has(keyOf(claim));
  }

  truncate(claim: Claim, end: bigint): void {
    this.resetTopics('truncated', [claim.topic]);
    this.#truncated.add(keyOf(claim));
    placeAt(this.#floor, this.#slots, claim, end);
  }

  /** Compares a claim with what the event log still has of its partition. */
  judgeBounds(claim: Claim, { topicId, logStart, logEnd }: PartitionBounds): void {
    const ring = this.#ring;
    const slots = this.#slots;
    const floor = this.#floor;
    const slot = slots.slotOf(claim.topic, claim.partition);
    if (slots.partitionOf(slot).digest !== topicDigest(topicId)) {
      this.resetTopics('topic', [claim.topic]);
      for (const own of slots.slotsOf(claim.topic)) floor[own] = ring.positionIn(ring.positions, own);
      return;
    }
    // A time is looked up when its records are read.
    if (claim.position < 0n) return;
    if (claim.position > logEnd) {
      this.resetTopics('ahead', [claim.topic]);
      placeAt(floor, slots, claim, ring.positionIn(ring.positions, slot));
      return;
    }
    // What the ring still has is served even when retention has deleted it from the event log.
    const oldest = ring.positionsAt(ring.base);
    const had = Positions.of(floor);
    const isMissing = slots
      .chainOf(claim.topic, claim.partition)
      .some((own) => ring.positionIn(had, own) < ring.positionIn(oldest, own));
    if (isMissing && claim.position < logStart) this.#lost.push({ claim, logStart });
  }

  resolution(): Resolution {
    const floor = Positions.of(this.#floor);
    const gaps = this.#gaps();
    const notices = [...gaps];
    // One for all topics, and first: its id says that all of them were reported.
    if (this.#reset !== null) {
      const data = { reason: this.#reset, topics: [...this.#topics] };
      notices.unshift({ event: 'gateway.reset', data, positions: floor });
    }
    return { start: { at: 'floor', floor: gaps.at(-1)?.positions ?? floor }, notices };
  }

  /** One gap per partition; its id advances that partition only. */
  #gaps(): Notice[] {
    const positions = [...this.#floor];
    return this.#lost.map(({ claim: { topic, partition, position: from }, logStart: to }) => {
      placeAt(positions, this.#slots, { topic, partition }, to);
      const data = gapData({ topic, partition, from, to, reason: 'retention' });
      return { event: 'gateway.gap', data, positions: Positions.of(positions) };
    });
  }
}
