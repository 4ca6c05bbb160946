import type { IncomingMessage, ServerResponse } from 'node:http';
import { parseConfig } from '../../../src/config';
import { plainTopic } from '../../../src/config/topic-settings';
import type { HistoryReader } from '../../../src/events/history';
import type { LogIds } from '../../../src/events/log-ids';
import { createTopicMap } from '../../../src/events/topic-map';
import { createClientAddress } from '../../../src/http/client-address';
import { createCors } from '../../../src/http/cors';
import { parseTarget } from '../../../src/http/request-target';
import type { Hub } from '../../../src/hub/hub';
import type { Logger } from '../../../src/logger';
import { startReading } from '../../../src/parts/reading';
import { createStreaming } from '../../../src/parts/streaming';
import type { OpenStreams } from '../../../src/sse/open-streams';
import { NO_TROUBLES } from '../../../src/sse/outage-notice';
import type { Resume } from '../../../src/sse/resume';
import type { SseStream } from '../../../src/sse/sse-stream';
import type { Heartbeat } from '../../../src/sse/stream-rounds';
import { type ArrayLog, TOPICS } from './array-log';
import type { FakeSocket } from './fake-socket';
import { createGatewayLog, type GatewayLog, STATUS } from './gateway-log';

export interface GatewaySettings {
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
  /** How long a stream may read history. */
  readonly replayMs: number;
  /** By topic, the channel that its records are on and below. */
  readonly bases: readonly [string, string];
}

/** Everything fits, except what a test makes small. */
export const ROOMY: GatewaySettings = {
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
  bases: ['/', '/'],
};

/** As little as it may have of everything that runs draw: the model's smallest counterexamples have it. */
export const TIGHT = {
  ringRecords: 2,
  warmRecords: 1,
  sliceBytes: 1,
  writesPerTurn: 1,
  maxClientBufferBytes: 0,
  chunkBytes: 10,
  readers: 1,
} satisfies Partial<GatewaySettings>;

/** The gateway's own parts, reading and streaming, between an array log and fake sockets. */
export interface ModelGateway {
  readonly settings: GatewaySettings;
  readonly hub: Hub;
  readonly ids: LogIds;
  readonly history: HistoryReader;
  readonly resume: Resume;
  readonly log: GatewayLog;
  readonly streams: OpenStreams;
  readonly heartbeat: Heartbeat;
  connect(socket: FakeSocket, path: string, lastEventId: string | null): SseStream;
  /** Announces a state of the event log to all streams; the log itself does not change. */
  announce(kafka: 'interrupted' | 'ok'): void;
  /** The state announced last. */
  isLogInterrupted(): boolean;
  close(): void;
}

const MAX_FRAME_BYTES = 1 << 20;
/** As short as a timer can be: only the order of events matters here. */
const RETRY_MS = 1;
const RECHECK_MS = 1;
/** Never reached: the model's log has every partition that an id names. */
const GROWTH_MS = 60_000;

/** @param onFault called with what must never happen: a socket that throws, an error in the logs */
export function createModelGateway(
  array: ArrayLog,
  settings: GatewaySettings,
  onFault: (fault: unknown) => void,
): ModelGateway {
  const ignore = () => undefined;
  const logger: Logger = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (fields) => onFault((fields as { err?: unknown }).err ?? fields),
  };
  const log = createGatewayLog(array);
  let isInterrupted = false;
  const isLogInterrupted = () => isInterrupted;
  const defaults = parseConfig({});
  const reading = startReading({
    log: log.eventLog,
    topics: createTopicMap(TOPICS.map((name, i) => plainTopic(name, settings.bases[i]))),
    config: {
      fanout: {
        ring: { records: settings.ringRecords, bytes: 1 << 30 },
        warmRecords: settings.warmRecords,
        writeBytes: settings.sliceBytes,
        turnWrites: settings.writesPerTurn,
        gather: 'auto',
        maxFrameBytes: MAX_FRAME_BYTES,
      },
      replay: {
        readers: settings.readers,
        chunkBytes: settings.chunkBytes,
        cacheBytes: settings.cacheBytes,
        cacheMs: settings.cacheMs,
        maxRecords: settings.replayRecords,
        maxBytes: 1 << 30,
        maxMs: settings.replayMs,
      },
    },
    retryMs: RETRY_MS,
    clockSkewMs: 0,
    onStreamError: onFault,
    nowMs: () => array.nowMs,
    logger,
  });
  const { hub, ids, history, feed } = reading;
  const { route, streams, resume, heartbeat } = createStreaming({
    reading,
    log: log.eventLog,
    edge: {
      cors: createCors([]),
      clientAddress: createClientAddress(0),
      sockets: { take: (req, _res, onSocket) => onSocket(req.socket) },
      onRejected: ignore,
    },
    config: {
      streams: {
        ...defaults.streams,
        heartbeatMs: 0,
        checkMs: 0,
        retryMinMs: 1,
        retryMaxMs: 2,
        maxClientBufferBytes: settings.maxClientBufferBytes,
      },
      resume: { recheckMs: RECHECK_MS, growthMs: GROWTH_MS },
      turnWrites: settings.writesPerTurn,
      logLinesPerSecond: 0,
      noticeMs: 0,
      retryMinMs: RETRY_MS,
      retryMaxMs: RETRY_MS,
    },
    guard: null,
    troubles: () => (isInterrupted ? { isAway: true, topics: new Map() } : NO_TROUBLES),
    baseOf: () => '/',
    draining: () => null,
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
    heartbeat,
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
      void reading.close();
    },
  };
}
