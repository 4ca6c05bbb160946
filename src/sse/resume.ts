import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config';
import { GatewayError } from '../errors';
import type { EventLog, LogLayout } from '../eventlog/event-log';
import { keyOf } from '../eventlog/records';
import type { Layout } from '../events/id-lines';
import type { LogIds } from '../events/log-ids';
import { Positions } from '../hub/positions';
import type { Ring } from '../hub/ring';
import type { Subscription } from '../hub/subscription';
import type { Cursor } from '../wire/cursor';
import { EVERYTHING, sinceTime } from '../wire/since-time';
import { placeAt, type ResetReason, type Resolution, StartDraft } from './claims';
import { createLastMatches } from './last-matches';
import { createLatestBounds, createLatestEpochEnds } from './shared-answers';
import type { StartRequest, StreamQuery } from './stream-query';

export interface ResumeDeps {
  readonly ring: Ring;
  readonly log: Pick<EventLog, 'bounds' | 'epochEnds'>;
  readonly ids: Pick<LogIds, 'layout' | 'whenReady' | 'idOf' | 'scopeOf'>;
  readonly config: Config['resume'];
  /** Pause before the event log is asked again for partitions that an id names. */
  readonly retryMs: number;
  /** Pause before the event log is asked again after it was unreachable: many streams may wait for it. */
  readonly outageRetryMs: number;
}

/** Decides where a stream begins. */
export interface Resume {
  /**
   * At once when the ring suffices; else when the event log has answered, which waits for its outages. Null when the
   * stream was closed meanwhile.
   */
  resolve(
    request: StartRequest,
    subscription: Subscription,
    isOpen: () => boolean,
  ): Resolution | Promise<Resolution | null>;
  /**
   * For `?strict=1`: checks a start before the stream has begun, while an error can still have a status.
   * @throws GatewayError `cursor-expired`, with what the stream would have reported and the oldest id that still works
   */
  checkStrict(query: StreamQuery, isOpen: () => boolean): Promise<void>;
}

export function createResume(deps: ResumeDeps): Resume {
  const { ring, log, ids, config } = deps;
  const lastMatches = createLastMatches(ring);
  const latestBounds = createLatestBounds(() => log.bounds());
  const latestEpochEnds = createLatestEpochEnds((queries) => log.epochEnds(queries));

  /** Only while `resolve` works, which waits until there is one. */
  function layout(): Layout {
    return ids.layout()!;
  }

  /** What a stream starts from that is not the gateway's own. */
  interface Asked {
    readonly cursor: Cursor;
    /** Topics that the stream can see. */
    readonly topics: ReadonlySet<string>;
    /** Where topics begin that the cursor does not name. */
    readonly base: Positions;
  }

  function draftOf({ cursor, topics, base }: Asked): StartDraft {
    return new StartDraft(cursor, layout().slots, ring, base, topics);
  }

  /** Begins now, in all topics that it can see. */
  function resetAll(reason: ResetReason, topics: ReadonlySet<string>): Resolution {
    const { positions } = ring;
    const data = { reason, topics: layout().slots.topics.filter((name) => topics.has(name)) };
    return {
      start: { at: 'floor', floor: positions },
      notices: [{ event: 'gateway.reset', data, positions }],
    };
  }

  /** The event log's answer to a question asked now; null when the stream was closed before there was one. */
  async function ask<T>(isOpen: () => boolean, question: () => Promise<T>): Promise<T | null> {
    while (isOpen()) {
      try {
        return await question();
      } catch {
        // Kafka is unreachable (its adapter logs that). The stream stays open, and its heartbeats continue.
        await pause(jittered(deps.outageRetryMs));
      }
    }
    return null;
  }

  /** @param timeMs null: everything that the event log has */
  async function startAt(timeMs: number | null, isOpen: () => boolean): Promise<Resolution | null> {
    // A partition that is found meanwhile, and is not in the answer, is all new: as any that the floor does not have.
    const floor = [...ring.positions];
    const found = await ask<LogLayout>(isOpen, timeMs === null ? latestBounds : () => log.bounds({ timeMs }));
    if (found === null) return null;
    const { slots } = layout();
    for (const { topic, partition, logStart, atTime } of found.partitions)
      placeAt(floor, slots, { topic, partition }, atTime ?? logStart);
    const since = timeMs === null ? EVERYTHING : sinceTime(timeMs);
    for (const unavailable of found.unavailable) placeAt(floor, slots, unavailable, since);
    return { start: { at: 'floor', floor: Positions.of(floor) }, notices: [] };
  }

  function startAfter(asked: Asked, isOpen: () => boolean): Resolution | Promise<Resolution | null> {
    if (asked.cursor.cluster !== layout().cluster) return resetAll('cluster', asked.topics);
    const draft = draftOf(asked);
    if (draft.claims.short.size > 0) return afterGrowth(asked, isOpen);
    const isJudged = draft.judgeEpochs().length === 0;
    return isJudged && draft.isInRing ? draft.resolution() : againstLog(asked, isOpen);
  }

  /** The id names partitions that this gateway does not know (yet). */
  async function afterGrowth(asked: Asked, isOpen: () => boolean): Promise<Resolution | null> {
    const untilMs = performance.now() + config.growthMs;
    for (;;) {
      if ((await ask(isOpen, latestBounds)) === null) return null;
      if (asked.cursor.cluster !== layout().cluster) return resetAll('cluster', asked.topics);
      const leftMs = untilMs - performance.now();
      const { claims } = draftOf(asked);
      if (claims.short.size === 0 || leftMs <= 0) return againstLog(asked, isOpen);
      await pause(Math.min(jittered(deps.retryMs), leftMs));
    }
  }

  /**
   * Compares the id with what the event log has. A contradiction is checked a second time, with new answers to everything:
   * this gateway or a broker may know less than the one that gave the id.
   */
  async function againstLog(
    asked: Asked,
    isOpen: () => boolean,
    isSecond = false,
  ): Promise<Resolution | null> {
    const { size } = layout().slots;
    const queries = draftOf(asked)
      .judgeEpochs()
      .map(({ topic, partition, epoch }) => ({ topic, partition, leaderEpoch: epoch }));
    const answer = await ask(isOpen, () =>
      Promise.all([latestBounds(), queries.length === 0 ? [] : latestEpochEnds(queries)]),
    );
    if (answer === null) return null;
    const [found, ends] = answer;
    const { cluster, slots } = layout();
    // The event log was replaced meanwhile, so the id means nothing.
    if (asked.cursor.cluster !== cluster) return resetAll('cluster', asked.topics);
    // A partition was truncated or its topic replaced meanwhile: the answer may be from before that.
    if (slots.replacementsAfter(size).length > 0) return againstLog(asked, isOpen, isSecond);
    // A new draft: meanwhile a topic may have been created again, or the log of a partition truncated.
    const draft = draftOf(asked);
    const { claims } = draft;
    if (claims.short.size > 0) draft.resetTopics('partitions', claims.short);
    const judged = new Set(queries.map(keyOf));
    // What was known of a partition's epochs was dropped meanwhile, since its log was truncated.
    if (draft.judgeEpochs().some((claim) => !judged.has(keyOf(claim))))
      return againstLog(asked, isOpen, isSecond);
    const epochEnds = new Map(ends.flatMap((end) => (end === null ? [] : [[keyOf(end), end.endOffset]])));
    const bounds = new Map(found.partitions.map((partition) => [keyOf(partition), partition]));
    for (const claim of claims.all) {
      if (draft.isTruncated(claim)) continue;
      const partition = bounds.get(keyOf(claim));
      const end = epochEnds.get(keyOf(claim));
      const isAhead = partition !== undefined && claim.position > partition.logEnd;
      // An epoch that ends with the log may continue at a broker that knows more.
      const mayContinue = isAhead && end !== undefined && end >= partition.logEnd;
      const isTruncated = end !== undefined && end >= 0n && end < claim.position && !mayContinue;
      if ((isTruncated || isAhead) && !isSecond) {
        await pause(config.recheckMs);
        return againstLog(asked, isOpen, true);
      }
      if (isTruncated) draft.truncate(claim, end);
      else if (partition !== undefined) draft.judgeBounds(claim, partition);
    }
    return draft.resolution();
  }

  function resolveNow(
    request: StartRequest,
    subscription: Subscription,
    isOpen: () => boolean,
  ): Resolution | Promise<Resolution | null> {
    const { topics } = ids.scopeOf(subscription.channels);
    switch (request.from) {
      case 'now':
        return { start: { at: 'head' }, notices: [] };
      case 'last':
        return {
          start: { at: 'floor', floor: lastMatches.floorOf(subscription, request.count) },
          notices: [],
        };
      case 'earliest':
        return startAt(null, isOpen);
      case 'time':
        return startAt(request.timeMs, isOpen);
      case 'cursor':
        return request.cursor === null
          ? resetAll('invalid', topics)
          : startAfter({ cursor: request.cursor, topics, base: ring.positions }, isOpen);
    }
  }

  function resolve(
    request: StartRequest,
    subscription: Subscription,
    isOpen: () => boolean,
  ): Resolution | Promise<Resolution | null> {
    const now = () => resolveNow(request, subscription, isOpen);
    return ids.layout() === null ? ids.whenReady().then(() => (isOpen() ? now() : null)) : now();
  }

  return {
    resolve,
    async checkStrict({ start, subscription }, isOpen) {
      const resolution = await resolve(start, subscription, isOpen);
      const notice = resolution?.notices[0];
      if (notice === undefined) return;
      throw new GatewayError(
        'cursor-expired',
        'not everything after this id can be given back; availableFrom is the oldest id that still can',
        {
          details: {
            notice: notice.event,
            ...notice.data,
            availableFrom: ids.idOf(subscription.channels, ring.positionsAt(ring.base)),
          },
        },
      );
    },
  };
}

/** Jitter: half of the pause at least, so that streams that wait together do not ask together. */
function jittered(ms: number): number {
  return ms * (1 - Math.random() / 2);
}
