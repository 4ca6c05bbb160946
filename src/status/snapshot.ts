import { setImmediate as nextTurn } from 'node:timers/promises';
import type { LogStatus } from '../eventlog/event-log';
import type { Feed, FeedStats } from '../events/feed';
import type { HistoryReader, HistoryStats } from '../events/history';
import { entryTimestampMs } from '../events/record-entry';
import type { Hub, HubStats } from '../hub/hub';
import type { Ring } from '../hub/ring';
import type { Phase } from '../hub/subscriber';
import type { OpenStreamsStats, StreamCounts } from '../sse/open-streams';
import type { SseStream } from '../sse/sse-stream';
import type { RegistryStatus } from '../values/schema-registry';
import { type HealthDeps, readiness } from './health';

type Counts = Readonly<Record<string, number>>;

/** The state of all rooms at one moment: what the metrics are read from. */
export interface Snapshot {
  readonly build: { readonly version: string; readonly node: string };
  readonly isDraining: boolean;
  readonly isReady: boolean;
  readonly streams: OpenStreamsStats & { readonly open: number; readonly max: number };
  readonly survey: StreamSurvey;
  readonly streamCounts: StreamCounts;
  readonly rejections: Counts;
  readonly ingest: {
    readonly requests: Counts;
    readonly inFlight: { readonly requests: number; readonly bytes: number };
  };
  readonly hub: HubStats;
  readonly ringAgeSeconds: number;
  readonly feed: FeedStats;
  readonly history: HistoryStats;
  readonly log: LogStatus;
  /** Null: there is none. */
  readonly registry: RegistryStatus | null;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

interface TakeSnapshotDeps extends Pick<Snapshot, 'build' | 'streamCounts' | 'rejections' | 'ingest'> {
  readonly health: HealthDeps;
  readonly hub: Hub;
  readonly feed: Pick<Feed, 'stats'>;
  readonly history: Pick<HistoryReader, 'stats'>;
  /** Streams after which the walk yields to the event loop. */
  readonly streamsPerTurn: number;
}

export type TakeSnapshot = () => Promise<Snapshot>;

/** Reads from every room, and changes nothing. */
export function createTakeSnapshot({
  health,
  hub,
  feed,
  history,
  streamsPerTurn,
  ...rest
}: TakeSnapshotDeps): TakeSnapshot {
  const { lifecycle, log, maxStreams, streams } = health;
  return async () => ({
    // First, since it takes several turns of the event loop: the rest is from one moment.
    survey: await surveyStreams(hub, streams.snapshot(), streamsPerTurn),
    ...rest,
    isDraining: lifecycle.state === 'draining',
    isReady: readiness(health).ready,
    streams: { ...streams.stats(), open: streams.count, max: maxStreams },
    hub: hub.stats(),
    ringAgeSeconds: ringAgeSeconds(hub.ring, Date.now()),
    feed: feed.stats(),
    history: history.stats(),
    log: log.status(),
    registry: health.registry?.status() ?? null,
    nowMs: Date.now(),
  });
}

/** The phase of its subscriber; before it has one, `starting`: where the stream begins is being looked up. */
export const STREAM_PHASES = [
  'starting',
  'live',
  'replaying',
  'catching-up',
  'joining',
  'ahead',
  'slow',
] as const satisfies readonly ('starting' | Phase['name'])[];
type StreamPhase = (typeof STREAM_PHASES)[number];

export function streamPhaseOf({ subscriber, isBlocked }: SseStream): StreamPhase {
  if (subscriber === null) return 'starting';
  const { name } = subscriber.phase;
  // The opening, a notice or a heartbeat may have filled the socket of a live stream.
  return isBlocked || name === 'closed' ? 'slow' : name;
}

/** All open streams at about one moment. */
interface StreamSurvey {
  readonly phases: Readonly<Record<StreamPhase, number>>;
  /** Bytes that the kernel has not taken yet. */
  readonly bufferedBytes: number;
  /** Records that the stream furthest behind has not been sent yet, filtered ones included. */
  readonly maxBehind: number;
}

/** Visits every stream once, over many turns of the event loop. */
export async function surveyStreams(
  hub: Pick<Hub, 'recordsBehind'>,
  streams: readonly SseStream[],
  perTurn: number,
): Promise<StreamSurvey> {
  const phases = Object.fromEntries(STREAM_PHASES.map((phase) => [phase, 0])) as Record<StreamPhase, number>;
  let bufferedBytes = 0;
  let maxBehind = 0;
  for await (const some of inTurns(streams, perTurn)) {
    for (const stream of some) {
      if (!stream.isOpen) continue;
      phases[streamPhaseOf(stream)]++;
      bufferedBytes += stream.bufferedBytes;
      if (stream.subscriber !== null) maxBehind = Math.max(maxBehind, hub.recordsBehind(stream.subscriber));
    }
  }
  return { phases, bufferedBytes, maxBehind };
}

/** The items in slices, each in a turn of the event loop of its own. */
export async function* inTurns<T>(items: readonly T[], perTurn: number): AsyncGenerator<readonly T[]> {
  for (let from = 0; from < items.length; from += perTurn) {
    if (from > 0) await nextTurn();
    yield items.slice(from, from + perTurn);
  }
}

/** Age of the oldest record in the ring by its timestamp, implausible ones aside; 0 when there is none. */
function ringAgeSeconds(ring: Pick<Ring, 'base' | 'head' | 'at'>, nowMs: number): number {
  // Events without a plausible timestamp are few in most rings.
  for (let seq = ring.base; seq < ring.head; seq++) {
    const timestampMs = entryTimestampMs(ring.at(seq), nowMs);
    if (timestampMs !== null) return Math.max(0, nowMs - timestampMs) / 1_000;
  }
  return 0;
}
