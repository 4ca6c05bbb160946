import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config';
import type { EpochQuery, LogLayout, PartitionBounds, TopicPartition } from '../eventlog/event-log';
import type { PartitionSlots } from '../events/partition-slots';
import type { Positions, Ring } from '../hub/ring';
import type { Start } from '../hub/subscriber';
import { matches, type Subscription } from '../hub/subscription';
import { type Cursor, topicDigest } from '../wire/cursor';
import { EVERYTHING, sinceTime } from '../wire/since-time';
import { type Claim, type Claims, claimsOf, type Notice, placeAt, type ResetNotice } from './claims';
import type { AskEpochEnds } from './shared-answers';
import type { StartRequest } from './stream-query';

export interface Resolution {
  readonly start: Start;
  readonly notices: readonly Notice[];
}

export interface ResumeDeps {
  readonly ring: Ring;
  readonly lastMatches: LastMatches;
  /** How ids name the log now. */
  readonly layout: () => { readonly cluster: string; readonly slots: PartitionSlots };
  /** @throws when the log is away */
  readonly bounds: (options?: { timeMs: number }) => Promise<LogLayout>;
  /** @throws when the log is away */
  readonly epochEnds: AskEpochEnds;
  readonly config: Config['resume'];
  /** Pause before the log is asked again for partitions that an id knows. */
  readonly retryMs: number;
  /** Pause before the log is asked again when it was away: many may wait for it. */
  readonly outageRetryMs: number;
}

/** Decides where a stream begins. */
export interface Resume {
  /**
   * At once when the ring can tell; else when the log has been asked, which lasts while it is away. Null when the
   * stream was closed meanwhile.
   */
  resolve(
    request: StartRequest,
    subscription: Subscription,
    isOpen: () => boolean,
  ): Resolution | Promise<Resolution | null>;
}

/** A stream's start while it is being judged. */
interface Draft {
  readonly claims: Claims;
  readonly floor: bigint[];
  /** Topics whose past cannot be given back, with the first reason that was found. */
  reset: ResetNotice['reason'] | null;
  readonly topics: Set<string>;
  /** Partitions that were moved back to where their log was truncated. */
  readonly truncated: Set<string>;
}

export function createResume(deps: ResumeDeps): Resume {
  const { ring, lastMatches, layout, config } = deps;

  /** Begins now, in all topics. */
  function resetAll(reason: ResetNotice['reason']): Resolution {
    const { positions } = ring;
    return {
      start: { at: 'floor', floor: positions },
      notices: [{ event: 'gateway.reset', reason, topics: layout().slots.topics, positions }],
    };
  }

  /** The log's answer, asked now; null when the stream was closed before there was one. */
  async function ask<T>(isOpen: () => boolean, question: () => Promise<T>): Promise<T | null> {
    while (isOpen()) {
      try {
        return await question();
      } catch {
        // The log is away; its own room says so in the log. The stream waits, and its heartbeats go on.
        await pause(spread(deps.outageRetryMs));
      }
    }
    return null;
  }

  async function startAt(timeMs: number | null, isOpen: () => boolean): Promise<Resolution | null> {
    // A partition that joins meanwhile and that the answer does not have is all new, as any the floor does not have.
    const floor = [...ring.positions];
    const found = await ask(isOpen, () => deps.bounds(timeMs === null ? undefined : { timeMs }));
    if (found === null) return null;
    const { slots } = layout();
    for (const { topic, partition, logStart, atTime } of found.partitions)
      placeAt(floor, slots, { topic, partition }, atTime ?? logStart);
    const since = timeMs === null ? EVERYTHING : sinceTime(timeMs);
    for (const unavailable of found.unavailable) placeAt(floor, slots, unavailable, since);
    return { start: { at: 'floor', floor }, notices: [] };
  }

  function resetTopics(draft: Draft, reason: ResetNotice['reason'], topics: Iterable<string>): void {
    draft.reset ??= reason;
    for (const topic of topics) draft.topics.add(topic);
  }

  /** @param base where topics begin that the cursor does not name */
  function draftOf(cursor: Cursor, base: Positions): Draft {
    const { slots } = layout();
    const claims = claimsOf(cursor, slots, { base, head: ring.positions });
    const draft: Draft = {
      claims,
      floor: [...claims.floor],
      reset: null,
      topics: new Set(),
      truncated: new Set(),
    };
    if (claims.isTopicUnknown) resetTopics(draft, 'topic', claims.unnamed);
    return draft;
  }

  function resolutionOf({ floor, reset, topics }: Draft, gaps: readonly Notice[] = []): Resolution {
    const last = gaps.at(-1)?.positions ?? floor;
    const notices: Notice[] = [...gaps];
    // One for all, and first: its id says that all of them were told.
    if (reset !== null)
      notices.unshift({ event: 'gateway.reset', reason: reset, topics: [...topics], positions: floor });
    return { start: { at: 'floor', floor: last }, notices };
  }

  /** What this replica's own knowledge says of the claims: truncated ones are moved back. Answers those it cannot tell. */
  function judgeEpochs(draft: Draft): Claim[] {
    const { slots } = layout();
    return draft.claims.all.filter((claim) => {
      if (claim.epoch < 0 || claim.position < 0n) return false;
      const verdict = slots
        .epochsOf(slots.slotOf(claim.topic, claim.partition))
        .judge(claim.position, claim.epoch);
      if (typeof verdict === 'bigint') truncate(draft, claim, verdict);
      return verdict === 'unknown';
    });
  }

  function truncate(draft: Draft, { topic, partition }: TopicPartition, end: bigint): void {
    resetTopics(draft, 'truncated', [topic]);
    draft.truncated.add(keyOf({ topic, partition }));
    placeAt(draft.floor, layout().slots, { topic, partition }, end);
  }

  function judge(
    cursor: Cursor,
    base: Positions,
    isOpen: () => boolean,
  ): Resolution | Promise<Resolution | null> {
    if (cursor.cluster !== layout().cluster) return resetAll('cluster');
    const draft = draftOf(cursor, base);
    if (draft.claims.short.size > 0) return afterGrowth(cursor, base, isOpen);
    const isJudged = judgeEpochs(draft).length === 0;
    return isJudged && isInRing(draft.floor) ? resolutionOf(draft) : againstLog(cursor, base, isOpen);
  }

  function isInRing(floor: Positions): boolean {
    return ring.seqAfter(floor) !== null && ring.reaches(ring.positions, floor);
  }

  /** The id names partitions that are not known here (yet). */
  async function afterGrowth(
    cursor: Cursor,
    base: Positions,
    isOpen: () => boolean,
  ): Promise<Resolution | null> {
    const untilMs = performance.now() + config.growthMs;
    for (;;) {
      if ((await ask(isOpen, () => deps.bounds())) === null) return null;
      if (cursor.cluster !== layout().cluster) return resetAll('cluster');
      const leftMs = untilMs - performance.now();
      if (draftOf(cursor, base).claims.short.size === 0 || leftMs <= 0)
        return againstLog(cursor, base, isOpen);
      await pause(Math.min(spread(deps.retryMs), leftMs));
    }
  }

  /**
   * What the log disagrees with is judged twice, all of it, by answers asked for after it came: a replica or a broker may
   * know less than the one that gave the id.
   */
  async function againstLog(
    cursor: Cursor,
    base: Positions,
    isOpen: () => boolean,
    isSecond = false,
  ): Promise<Resolution | null> {
    const before = draftOf(cursor, base);
    const queries: EpochQuery[] = judgeEpochs(before).map(({ topic, partition, epoch }) => ({
      topic,
      partition,
      leaderEpoch: epoch,
    }));
    const answer = await ask(isOpen, () =>
      Promise.all([deps.bounds(), queries.length === 0 ? [] : deps.epochEnds(queries)]),
    );
    if (answer === null) return null;
    const [found, ends] = answer;
    // The log was found to be another one meanwhile, so the id means nothing.
    if (cursor.cluster !== layout().cluster) return resetAll('cluster');
    // Anew: a topic may have been found to be another one, or a partition's log to be truncated.
    const draft = draftOf(cursor, base);
    if (draft.claims.short.size > 0) resetTopics(draft, 'partitions', draft.claims.short);
    const asked = new Set(queries.map(keyOf));
    // The log of a partition was found to be truncated meanwhile, so what was known of its epochs is not any more.
    if (judgeEpochs(draft).some((claim) => !asked.has(keyOf(claim))))
      return againstLog(cursor, base, isOpen, isSecond);
    const epochEnds = new Map(ends.flatMap((end) => (end === null ? [] : [[keyOf(end), end.endOffset]])));
    const bounds = new Map(found.partitions.map((partition) => [keyOf(partition), partition]));
    const gaps: { readonly claim: Claim; readonly logStart: bigint }[] = [];
    for (const claim of draft.claims.all) {
      const key = keyOf(claim);
      if (draft.truncated.has(key)) continue;
      const partition = bounds.get(key);
      const end = epochEnds.get(key);
      const isAhead = partition !== undefined && claim.position > partition.logEnd;
      // An epoch that ends with the log may go on at a broker that knows more.
      const mayGoOn = isAhead && end !== undefined && end >= partition.logEnd;
      const isTruncated = end !== undefined && end >= 0n && end < claim.position && !mayGoOn;
      if ((isTruncated || isAhead) && !isSecond) {
        await pause(config.recheckMs);
        return againstLog(cursor, base, isOpen, true);
      }
      if (isTruncated) truncate(draft, claim, end);
      else if (partition !== undefined) judgeBounds(draft, claim, partition, gaps);
    }
    return resolutionOf(draft, gapsOf(draft.floor, gaps));
  }

  function judgeBounds(
    draft: Draft,
    claim: Claim,
    { topicId, logStart, logEnd }: PartitionBounds,
    gaps: { readonly claim: Claim; readonly logStart: bigint }[],
  ): void {
    const { slots } = layout();
    const slot = slots.slotOf(claim.topic, claim.partition);
    const { floor } = draft;
    if (slots.partitionOf(slot).digest !== topicDigest(topicId)) {
      resetTopics(draft, 'topic', [claim.topic]);
      for (const own of slots.slotsOf(claim.topic)) floor[own] = ring.positionIn(ring.positions, own);
      return;
    }
    const chain = slots.chainOf(claim.topic, claim.partition);
    // A time is looked up when its records are read.
    if (claim.position < 0n) return;
    if (claim.position > logEnd) {
      resetTopics(draft, 'ahead', [claim.topic]);
      placeAt(floor, slots, claim, ring.positionIn(ring.positions, slot));
      return;
    }
    // What the ring still has is given even when the log has let go of it.
    const oldest = ring.positionsAt(ring.base);
    const isMissing = chain.some((own) => ring.positionIn(floor, own) < ring.positionIn(oldest, own));
    if (isMissing && claim.position < logStart) gaps.push({ claim, logStart });
  }

  /** One gap a partition; its id advances that partition only. */
  function gapsOf(floor: Positions, lost: readonly { claim: Claim; logStart: bigint }[]): Notice[] {
    const positions = [...floor];
    return lost.map(({ claim: { topic, partition, position }, logStart }) => {
      placeAt(positions, layout().slots, { topic, partition }, logStart);
      const gap = { topic, partition, from: position, to: logStart, reason: 'retention' as const };
      return { event: 'gateway.gap', gap, positions: [...positions] };
    });
  }

  return {
    resolve(request, subscription, isOpen) {
      switch (request.from) {
        case 'now':
          return { start: { at: 'head' }, notices: [] };
        case 'last': {
          // Not the place itself: the ring may go past it before the stream begins.
          const floor = ring.positionsAt(lastMatches.seqOf(subscription, request.count));
          return { start: { at: 'floor', floor }, notices: [] };
        }
        case 'earliest':
          return startAt(null, isOpen);
        case 'time':
          return startAt(request.timeMs, isOpen);
        case 'cursor':
          return request.cursor === null
            ? resetAll('invalid')
            : judge(request.cursor, ring.positions, isOpen);
      }
    },
  };
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** Half of the time at least: those who wait together are not to ask together. */
function spread(ms: number): number {
  return ms * (1 - Math.random() / 2);
}

/** Answers that are cached: connecting clients ask for the same few again and again. */
const MAX_REMEMBERED = 1_000;

interface Remembered {
  /** The ring's head when it was looked at last. */
  head: number;
  /** Matching entries, oldest first, at most as many as were asked for. */
  seqs: number[];
}

/** Finds the last entries of the ring that match a subscription; looks at no entry twice. */
export interface LastMatches {
  /** Where a stream begins that is to get the last `count` matching entries still in the ring. */
  seqOf(subscription: Subscription, count: number): number;
}

export function createLastMatches(ring: Ring): LastMatches {
  const remembered = new Map<string, Remembered>();

  /** Matching entries from the newest one back to `from`, oldest first. */
  function look(subscription: Subscription, count: number, from: number): number[] {
    const seqs: number[] = [];
    for (let seq = ring.head - 1; seq >= from && seqs.length < count; seq--) {
      const entry = ring.at(seq);
      // An entry without a slot concerned only the streams that were open then.
      if (entry.slot !== null && !entry.isVoid && matches(subscription, entry)) seqs.push(seq);
    }
    return seqs.reverse();
  }

  return {
    seqOf(subscription, count) {
      const key = `${count} ${subscription.key}`;
      const before = remembered.get(key) ?? { head: 0, seqs: [] };
      const found = look(subscription, count, Math.max(ring.base, before.head));
      const older = before.seqs.filter((seq) => seq >= ring.base && !ring.at(seq).isVoid);
      const seqs = [...older, ...found].slice(-count);
      remembered.delete(key);
      remembered.set(key, { head: ring.head, seqs });
      if (remembered.size > MAX_REMEMBERED) remembered.delete(remembered.keys().next().value!);
      return seqs[0] ?? ring.head;
    },
  };
}
