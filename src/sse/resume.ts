import { setTimeout as pause } from 'node:timers/promises';
import type { Config } from '../config';
import type { LogLayout } from '../eventlog/event-log';
import type { LastMatches } from '../hub/last-matches';
import type { PartitionSlots } from '../hub/partition-slots';
import type { Ring } from '../hub/ring';
import type { Start } from '../hub/subscriber';
import type { Subscription } from '../hub/subscription';
import { type Cursor, topicHash } from './cursor';
import type { Notice } from './notice';
import type { StartRequest } from './start-request';

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

export function createResume(deps: ResumeDeps): Resume {
  const { ring, lastMatches, layout, config } = deps;

  function reset(reason: Extract<Notice, { event: 'gateway.reset' }>['reason']): Resolution {
    const { positions } = ring;
    return {
      start: { at: 'floor', floor: positions },
      notices: [{ event: 'gateway.reset', reason, positions }],
    };
  }

  /** The log's answer, asked now; null when the stream was closed before there was one. */
  async function ask(isOpen: () => boolean, options?: { timeMs: number }): Promise<LogLayout | null> {
    while (isOpen()) {
      try {
        return await deps.bounds(options);
      } catch {
        // The log is away; its own room says so in the log. The stream waits, and its heartbeats go on.
        await pause(spread(deps.outageRetryMs));
      }
    }
    return null;
  }

  async function startAt(
    options: { timeMs: number } | undefined,
    isOpen: () => boolean,
  ): Promise<Resolution | null> {
    // A partition that joins meanwhile and that the answer does not have is all new, as any the floor does not have.
    const floor = [...ring.positions];
    const found = await ask(isOpen, options);
    if (found === null) return null;
    for (const { topic, partition, logStart, atTime } of found.partitions) {
      const slot = layout().slots.find(topic, partition);
      if (slot !== null) floor[slot] = atTime ?? logStart;
    }
    return { start: { at: 'floor', floor }, notices: [] };
  }

  /** By slot what the client has; a string says why the cursor cannot be used. */
  function floorOf(cursor: Cursor): bigint[] | 'cluster' | 'topic' | 'partitions' {
    const { cluster, slots } = layout();
    if (cursor.cluster !== cluster) return 'cluster';
    // A topic that the cursor does not name begins now.
    const floor = [...ring.positions];
    for (const { topicKey, positions } of cursor.topics) {
      const known = slots.slotsOf(topicKey);
      if (known === null) return 'topic';
      if (positions.length > known.length) return 'partitions';
      // A partition that the cursor does not name was created later: all of it is new.
      for (const [partition, slot] of known.entries()) {
        floor[slot] = positions[partition] ?? slots.partitionOf(slot).logStart;
      }
    }
    return floor;
  }

  async function afterGrowth(cursor: Cursor, isOpen: () => boolean): Promise<Resolution | null> {
    const untilMs = performance.now() + config.growthMs;
    for (;;) {
      if ((await ask(isOpen)) === null) return null;
      const floor = floorOf(cursor);
      if (typeof floor !== 'string') return judge(floor, isOpen);
      const leftMs = untilMs - performance.now();
      if (floor !== 'partitions' || leftMs <= 0) return reset(floor);
      await pause(Math.min(spread(deps.retryMs), leftMs));
    }
  }

  /** Ids beyond the log's end are judged twice: a replica or a broker may know less than the one that gave the id. */
  async function againstLog(
    floor: bigint[],
    isOpen: () => boolean,
    isSecond = false,
  ): Promise<Resolution | null> {
    const { slots } = layout();
    const found = await ask(isOpen);
    if (found === null) return null;
    // The log was found to be another one meanwhile, so the floor means nothing.
    if (layout().slots !== slots) return reset('topic');
    const notices: Notice[] = [];
    // A copy: when another partition is to be judged again, so is all that is told here.
    const start = [...floor];
    for (const { topic, topicId, partition, logStart, logEnd } of found.partitions) {
      const slot = slots.find(topic, partition);
      if (slot === null) continue;
      if (slots.partitionOf(slot).topicKey !== topicHash(topicId)) return reset('topic');
      const asked = floor[slot];
      // A partition that joined meanwhile is all new.
      if (asked === undefined) continue;
      if (asked > logEnd) {
        if (isSecond) return reset('ahead');
        await pause(config.recheckMs);
        return againstLog(floor, isOpen, true);
      }
      // What the ring still has is given even when the log has let go of it.
      const lost = asked < logStart && asked < ring.positionIn(ring.positionsAt(ring.base), slot);
      if (!lost) continue;
      start[slot] = logStart;
      const gap = { topic, partition, from: asked, to: logStart, reason: 'retention' as const };
      notices.push({ event: 'gateway.gap', gap, positions: [...start] });
    }
    return { start: { at: 'floor', floor: start }, notices };
  }

  function judge(floor: bigint[], isOpen: () => boolean): Resolution | Promise<Resolution | null> {
    const isInRing = ring.seqAfter(floor) !== null && ring.reaches(ring.positions, floor);
    return isInRing ? { start: { at: 'floor', floor }, notices: [] } : againstLog(floor, isOpen);
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
          return startAt(undefined, isOpen);
        case 'time':
          return startAt({ timeMs: request.timeMs }, isOpen);
        case 'cursor': {
          if (request.cursor === null) return reset('invalid');
          const floor = floorOf(request.cursor);
          if (floor === 'partitions') return afterGrowth(request.cursor, isOpen);
          return typeof floor === 'string' ? reset(floor) : judge(floor, isOpen);
        }
      }
    },
  };
}

/** Half of the time at least: those who wait together are not to ask together. */
function spread(ms: number): number {
  return ms * (1 - Math.random() / 2);
}
