import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Config, parseConfig } from '../../../src/config';
import { createLatestBounds } from '../../../src/eventlog/latest-bounds';
import { createLatestEpochEnds } from '../../../src/eventlog/latest-epoch-ends';
import { entryWithMeta } from '../../../src/events/encoded-event';
import { createFeed } from '../../../src/events/feed';
import { createHistory, type HistoryReader } from '../../../src/events/history';
import { createLogIds, type LogIds } from '../../../src/events/log-ids';
import { createTopicMap } from '../../../src/events/topic-map';
import { createClientAddress } from '../../../src/http/client-address';
import { createCors } from '../../../src/http/cors';
import { parseTarget } from '../../../src/http/request-target';
import { Hub } from '../../../src/hub/hub';
import { createLastMatches } from '../../../src/hub/last-matches';
import type { Logger } from '../../../src/logger';
import { createHeartbeat, type Heartbeat } from '../../../src/sse/heartbeat';
import { NO_TROUBLES } from '../../../src/sse/log-troubles';
import { OpenStreams } from '../../../src/sse/open-streams';
import { createResume, type Resume } from '../../../src/sse/resume';
import type { SseStream } from '../../../src/sse/sse-stream';
import { createStreamAdmission } from '../../../src/sse/stream-admission';
import { createStreamCounts } from '../../../src/sse/stream-counts';
import { createStreamRoute } from '../../../src/sse/stream-route';
import { createTokenExpiry } from '../../../src/sse/token-expiry';
import { type ArrayLog, TOPICS } from './array-log';
import type { FakeSocket } from './fake-socket';
import { createReplicaLog, type ReplicaLog, STATUS } from './replica-log';

export interface ReplicaSettings {
  readonly ringRecords: number;
  readonly warmRecords: number;
  readonly sliceBytes: number;
  readonly writesPerTurn: number;
  readonly maxClientBufferBytes: number;
  readonly chunkBytes: number;
  readonly cacheBytes: number;
  readonly cacheMs: number;
  readonly replayRecords: number;
  readonly readers: number;
  /** How long a stream may take to read what is older than the ring. */
  readonly replayMs: number;
}

/** A replica without odds: everything fits, except what a test makes small. */
export const ROOMY: ReplicaSettings = {
  ringRecords: 1_000,
  warmRecords: 1_000,
  sliceBytes: 1_000,
  writesPerTurn: 100,
  maxClientBufferBytes: 1_000,
  chunkBytes: 1_000,
  cacheBytes: 100_000,
  cacheMs: 60_000,
  replayRecords: 1_000,
  readers: 1,
  replayMs: 60_000,
};

/** A gateway as src/gateway.ts joins its rooms, between an array log and fake sockets. */
export interface Replica {
  readonly settings: ReplicaSettings;
  readonly hub: Hub;
  readonly ids: LogIds;
  readonly history: HistoryReader;
  readonly resume: Resume;
  readonly log: ReplicaLog;
  readonly streams: OpenStreams;
  readonly heartbeat: Heartbeat;
  connect(socket: FakeSocket, path: string, lastEventId: string | null): SseStream;
  /** Tells all streams of the log's state; nothing of the log itself changes. */
  announce(kafka: 'interrupted' | 'ok'): void;
  /** As announced last. */
  isLogInterrupted(): boolean;
  close(): void;
}

const MAX_FRAME_BYTES = 1 << 20;
/** As short as timers are: the pauses matter here only for being pauses. */
const RETRY_MS = 1;
const RECHECK_MS = 1;
/** Never reached: the model's log knows every partition that a cursor names. */
const GROWTH_MS = 60_000;

/** @param onFault what may never happen: a sink that throws, an error in the log */
export function createReplica(
  array: ArrayLog,
  settings: ReplicaSettings,
  onFault: (fault: unknown) => void,
): Replica {
  const ignore = () => undefined;
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields) => onFault((fields as { err?: unknown }).err ?? fields),
  };
  const log = createReplicaLog(array);
  let isInterrupted = false;
  const isLogInterrupted = () => isInterrupted;
  const topics = createTopicMap(TOPICS.map((name) => ({ name, base: '/', encoding: 'utf8' })));
  const cors = createCors([]);
  const streams = new OpenStreams();
  const counts = createStreamCounts();

  const ids = createLogIds();
  const history = createHistory({
    log: log.eventLog,
    topics,
    ids,
    config: settings,
    sliceBytes: settings.sliceBytes,
    maxFrameBytes: MAX_FRAME_BYTES,
    retryMs: RETRY_MS,
    logger,
  });
  const hub: Hub = new Hub({
    ring: { records: settings.ringRecords, bytes: 1 << 30 },
    sliceBytes: settings.sliceBytes,
    writesPerTurn: settings.writesPerTurn,
    onPressure: (held) => (held ? tail.pause() : tail.resume()),
    onSinkError: onFault,
    withMeta: entryWithMeta,
    idLine: ids.idLine,
    history,
    replay: { maxRecords: settings.replayRecords, maxBytes: 1 << 30, maxMs: settings.replayMs },
  });
  const { warmRecords } = settings;
  const feed = createFeed({
    hub,
    ids,
    topics,
    warmRecords,
    maxFrameBytes: MAX_FRAME_BYTES,
    clockSkewMs: 0,
    nowMs: () => array.nowMs,
    logger,
  });
  const tail = log.eventLog.tail(feed);
  const latestBounds = createLatestBounds(() => log.eventLog.bounds());
  const resume = createResume({
    ring: hub.ring,
    lastMatches: createLastMatches(hub.ring),
    layout: () => ids.layout()!,
    bounds: (options) => (options === undefined ? latestBounds() : log.eventLog.bounds(options)),
    epochEnds: createLatestEpochEnds((asked) => log.eventLog.epochEnds(asked)),
    config: { recheckMs: RECHECK_MS, growthMs: GROWTH_MS },
    retryMs: RETRY_MS,
    outageRetryMs: RETRY_MS,
  });
  const config: Config['streams'] = {
    ...parseConfig({}).streams,
    heartbeatMs: 0,
    retryMinMs: 1,
    retryMaxMs: 2,
    maxClientBufferBytes: settings.maxClientBufferBytes,
  };
  const route = createStreamRoute({
    hub,
    streams,
    resume,
    counts,
    cors,
    config,
    idOf: ids.idOf,
    isReady: () => ids.layout() !== null,
    whenReady: ids.whenReady,
    troubles: () => (isInterrupted ? { isAway: true, topics: new Map() } : NO_TROUBLES),
    baseOf: () => '/',
    takesBatches: true,
    admission: createStreamAdmission({ hub, streams, config, draining: () => null }),
    onRejected: ignore,
    guard: null,
    tokenExpiry: createTokenExpiry({ noticeMs: 0 }),
    clientAddress: createClientAddress(0),
    sockets: { take: (req, _res, onSocket) => onSocket(req.socket) },
    logger,
  });

  return {
    settings,
    hub,
    ids,
    history,
    resume,
    log,
    streams,
    heartbeat: createHeartbeat({ hub, idOf: ids.idOf, counts, everyMs: 0 }),
    connect(socket, path, lastEventId) {
      const headers = lastEventId === null ? {} : { 'last-event-id': lastEventId };
      // HTTP/1.0: the bytes come without chunked framing.
      const req = { method: 'GET', url: path, headers, socket, httpVersion: '1.0' };
      const res = { socket, getHeader: ignore };
      route.handle(req as unknown as IncomingMessage, res as unknown as ServerResponse, parseTarget(path));
      return streams.snapshot().at(-1)!;
    },
    announce(kafka) {
      isInterrupted = kafka === 'interrupted';
      if (ids.layout() === null) return;
      log.read.push(STATUS);
      feed.announceStatus({ kafka }, null);
    },
    isLogInterrupted,
    close() {
      for (const stream of streams.snapshot()) stream.destroy('drain');
      history.close();
      hub.close();
    },
  };
}
