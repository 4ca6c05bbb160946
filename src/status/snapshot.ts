import type { LogStatus } from '../eventlog/event-log';
import type { Backfill, BackfillStats } from '../events/backfill';
import type { Feed, FeedStats } from '../events/feed';
import type { Hub, HubStats } from '../hub/hub';
import type { OpenStreamsStats } from '../sse/open-streams';
import type { StreamCounts } from '../sse/stream-counts';
import { type HealthDeps, readiness } from './health';
import { ringAgeSeconds } from './ring-age';
import { type StreamSurvey, surveyStreams } from './stream-survey';

type Counts = Readonly<Record<string, number>>;

/** What the rooms say of themselves at one moment. */
export interface Snapshot {
  readonly build: { readonly version: string; readonly node: string };
  readonly isDraining: boolean;
  readonly isReady: boolean;
  readonly streams: OpenStreamsStats & { readonly open: number; readonly max: number };
  readonly survey: StreamSurvey;
  readonly streamCounts: StreamCounts;
  readonly refusals: Counts;
  readonly ingest: {
    readonly requests: Counts;
    readonly inFlight: { readonly requests: number; readonly bytes: number };
  };
  readonly hub: HubStats;
  readonly ringAgeSeconds: number;
  readonly feed: FeedStats;
  readonly backfill: BackfillStats;
  readonly log: LogStatus;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

export interface TakeSnapshotDeps extends Pick<Snapshot, 'build' | 'streamCounts' | 'refusals' | 'ingest'> {
  readonly health: HealthDeps;
  readonly hub: Hub;
  readonly feed: Pick<Feed, 'stats'>;
  readonly backfill: Pick<Backfill, 'stats'>;
  /** Streams after which the event loop gets its turn. */
  readonly streamsPerTurn: number;
}

export type TakeSnapshot = () => Promise<Snapshot>;

/** Asks every room, and changes nothing. */
export function createTakeSnapshot({
  health,
  hub,
  feed,
  backfill,
  streamsPerTurn,
  ...rest
}: TakeSnapshotDeps): TakeSnapshot {
  const { lifecycle, log, maxStreams, streams } = health;
  return async () => ({
    // First, since it takes several turns: the rest is of one moment.
    survey: await surveyStreams({ hub, streams, streamsPerTurn }),
    ...rest,
    isDraining: lifecycle.state === 'draining',
    isReady: readiness(health).ready,
    streams: { ...streams.stats(), open: streams.count, max: maxStreams },
    hub: hub.stats(),
    ringAgeSeconds: ringAgeSeconds(hub.ring, Date.now()),
    feed: feed.stats(),
    backfill: backfill.stats(),
    log: log.status(),
    nowMs: Date.now(),
  });
}
