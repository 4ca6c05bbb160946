import { hostname } from 'node:os';
import { join } from 'node:path';
import { createApiKeys } from './auth/api-keys';
import { warnOfExposure } from './auth/exposure';
import { createJwtVerifier } from './auth/jwt-verifier';
import { createOperatorGuard } from './auth/operator-guard';
import { createPublishGuard } from './auth/publish-guard';
import { createSubscribeGuard } from './auth/subscribe-guard';
import type { Config } from './config';
import { GatewayError } from './errors';
import type { EventLog } from './eventlog/event-log';
import { createKafkaEventLog } from './eventlog/kafka/kafka-event-log';
import { createLatestBounds } from './eventlog/latest-bounds';
import { createLatestEpochEnds } from './eventlog/latest-epoch-ends';
import { createMemoryEventLog } from './eventlog/memory/memory-event-log';
import { entryTimestampMs, entryWithMeta } from './events/encoded-event';
import { createFeed } from './events/feed';
import { createHistory } from './events/history';
import { createLogIds } from './events/log-ids';
import { createTopicMap } from './events/topic-map';
import { createClientAddress } from './http/client-address';
import { createCors } from './http/cors';
import { createDetachedSockets } from './http/detached-sockets';
import { createOnRejected, createRejectionCounts, type RejectionCounts } from './http/problem';
import { createServer } from './http/server';
import { createWebFiles } from './http/web-files';
import { Hub } from './hub/hub';
import { createLastMatches } from './hub/last-matches';
import { createBatchRoute } from './ingest/batch-route';
import { createBroadcastRoute } from './ingest/broadcast-route';
import { createInFlight } from './ingest/in-flight';
import { createIngestAdmission } from './ingest/ingest-admission';
import { createIngestCounter } from './ingest/ingest-counter';
import { createPublisher } from './ingest/publisher';
import type { Lifecycle } from './lifecycle';
import type { Logger } from './logger';
import { createAdminRoute } from './operator/admin-route';
import { createApp } from './operator/app';
import { createMetricsRoute } from './operator/metrics-route';
import { startTicker } from './roles/ticker';
import { createHeartbeat } from './sse/heartbeat';
import { OpenStreams } from './sse/open-streams';
import { createResume } from './sse/resume';
import { createSlowStreams } from './sse/slow-streams';
import { createStreamAdmission } from './sse/stream-admission';
import { createStreamCounts } from './sse/stream-counts';
import { drainStreams } from './sse/stream-drain';
import { createStreamLog } from './sse/stream-log';
import { startStreamRounds } from './sse/stream-rounds';
import { createStreamRoute } from './sse/stream-route';
import { createTokenExpiry } from './sse/token-expiry';
import { createAdminStatus } from './status/admin-status';
import { firstFailure } from './status/health';
import { createCurrentAggregation, kafkaStatus } from './status/kafka-status';
import { startLogWatch } from './status/log-watch';
import { createMetricRegistry } from './status/metric-registry';
import { createTakeSnapshot } from './status/snapshot';
import { packageVersion } from './version';

/** The end of a stream takes about as long as so many writes of an event. */
const CLOSE_WRITES = 10;

export interface Gateway {
  /** Resolves with the port it listens on. The log may still be away: `/readyz` tells. */
  start(): Promise<number>;
  /** Drains and closes everything; calling it again gives the same promise. */
  stop(): Promise<void>;
  /** What it rejected since its start. */
  readonly rejections: Readonly<RejectionCounts>;
}

/** The log that the configuration asks for, of the topics to serve or of those given. */
export function createEventLog(
  config: Config,
  logger: Logger,
  topics: readonly string[] = config.topics.map(({ name }) => name),
  onProduced?: (durationMs: number) => void,
): EventLog {
  const { append, kafka, memoryLog } = config;
  return config.eventLog === 'kafka'
    ? createKafkaEventLog({ kafka, append, topics, logger, ...(onProduced && { onProduced }) })
    : createMemoryEventLog({ config: memoryLog, append, topics, logger });
}

/** Builds the rooms and joins them, in the order in which an event travels: in, remembered, read, fanned out, streamed. */
export function createGateway(config: Config, logger: Logger): Gateway {
  const lifecycle: Lifecycle = { state: 'starting' };
  const topics = createTopicMap(config.topics);
  const cors = createCors(config.http.corsOrigins);
  const clientAddress = createClientAddress(config.http.trustProxy);
  const streams = new OpenStreams({
    onOpen: (stream) => streamLog.onOpen(stream),
    onClose(stream, reason) {
      metrics.onStreamClosed(Date.now() - stream.openedAtMs);
      streamLog.onClose(stream, reason);
    },
  });
  const streamLog = createStreamLog({
    logger,
    linesPerSecond: config.streamLogLines,
    eventsOf: ({ subscriber }) => (subscriber === null ? 0 : hub.sentTo(subscriber)),
  });
  const streamCounts = createStreamCounts();
  const sockets = createDetachedSockets(logger);
  const { maxStreams } = config.streams;
  const rejections = createRejectionCounts();
  const onRejected = createOnRejected(rejections, logger);

  // remember
  const log = createEventLog(config, logger, undefined, (durationMs) => metrics.onProduced(durationMs));

  // fan out
  const ids = createLogIds();
  const history = createHistory({
    log,
    topics,
    ids,
    config: config.replay,
    sliceBytes: config.fanout.writeBytes,
    maxFrameBytes: config.fanout.maxFrameBytes,
    retryMs: config.kafka.retryMaxMs,
    logger,
  });
  const hub = new Hub({
    ring: config.fanout.ring,
    sliceBytes: config.fanout.writeBytes,
    writesPerTurn: config.fanout.turnWrites,
    accepted: () => server.accepted(),
    onPressure: (held) => (held ? tail.pause() : tail.resume()),
    onSinkError: (error) => logger.error({ err: error }, 'a stream failed and was dropped'),
    withMeta: entryWithMeta,
    idLine: ids.idLine,
    history,
    replay: config.replay,
    onPass: (pass) => metrics.onPass(pass),
  });

  // read: what the log's tail brings goes into the hub
  const { warmRecords, maxFrameBytes } = config.fanout;
  const aggregation = createCurrentAggregation(config.aggregation);
  const feed = createFeed({
    hub,
    ids,
    topics,
    warmRecords,
    maxFrameBytes,
    clockSkewMs: config.kafka.livenessMs,
    // Summaries are not summed up again.
    onEvent: (event) => event.source.topic !== config.summaryTopic && aggregation.onEvent(event),
    logger,
  });
  const tail = log.tail(feed);
  const baseOf = (topic: string) => topics.byName(topic).base;
  const logWatch = startLogWatch({
    log,
    everyMs: config.streams.logCheckMs,
    baseOf,
    heldBackMs: config.kafka.livenessMs,
    onNews: feed.announceStatus,
    onUnread: feed.warmWithout,
    logger,
  });

  // who may
  const { jwt, cookie, publicChannels, noticeMs } = config.auth;
  const verifier = jwt === null ? null : createJwtVerifier(jwt, logger);
  const apiKeys = config.auth.apiKeys.length === 0 ? null : createApiKeys(config.auth.apiKeys);
  const tokenExpiry = createTokenExpiry({ noticeMs });

  // stream
  const latestBounds = createLatestBounds(() => log.bounds());
  const resume = createResume({
    ring: hub.ring,
    lastMatches: createLastMatches(hub.ring),
    layout: () => ids.layout()!,
    bounds: (options) => (options === undefined ? latestBounds() : log.bounds(options)),
    epochEnds: createLatestEpochEnds((asked) => log.epochEnds(asked)),
    config: config.resume,
    retryMs: config.kafka.retryMinMs,
    outageRetryMs: config.kafka.retryMaxMs,
  });
  const streamRoute = createStreamRoute({
    hub,
    streams,
    resume,
    counts: streamCounts,
    cors,
    clientAddress,
    sockets,
    config: config.streams,
    idOf: ids.idOf,
    isReady: () => ids.layout() !== null,
    whenReady: ids.whenReady,
    troubles: logWatch.troubles,
    baseOf,
    takesBatches: config.ingest.enabled,
    admission: createStreamAdmission({ hub, streams, config: config.streams, draining }),
    guard: verifier === null ? null : createSubscribeGuard({ verifier, cookie, publicChannels }),
    tokenExpiry,
    onRejected,
    logger,
  });
  const rounds = startStreamRounds({
    streams,
    heartbeat: createHeartbeat({
      hub,
      idOf: ids.idOf,
      counts: streamCounts,
      everyMs: config.streams.checkMs,
    }),
    slowStreams: createSlowStreams(config.streams),
    tokenExpiry,
    everyMs: config.streams.checkMs,
    streamsPerTurn: config.fanout.turnWrites,
    onError: (error) => logger.error({ err: error }, 'a round over the streams failed'),
  });

  // accept
  const { maxEventBytes } = config.ingest;
  const publisher = createPublisher({ log, topics, maxEventBytes, idAfter: ids.idAfter });
  const inFlight = createInFlight(config.ingest.inFlight);
  const admission = createIngestAdmission({
    guard: createPublishGuard({ apiKeys, verifier, cookie, corsOrigins: config.http.corsOrigins }),
    inFlight,
    clientAddress,
    config: config.ingest,
    draining,
  });
  const ingest = { publisher, cors, config: config.ingest, admission, onRejected };
  const ingestCounter = createIngestCounter({ onDone: (durationMs) => metrics.onIngest(durationMs) });

  // serve
  const health = {
    log,
    lifecycle,
    streams,
    maxStreams,
    ingest: config.ingest.enabled,
    isWarm: () => ids.layout() !== null,
    readyWhen: config.readyWhen,
    heldBackMs: config.kafka.livenessMs,
  };
  const web = createWebFiles(join(__dirname, 'web'));
  const operatorGuard = createOperatorGuard({ adminKey: config.http.adminKey, clientAddress });
  const app = createApp({
    streams,
    cors,
    health,
    kafkaStatus: () => kafkaStatus(log, feed, aggregation),
    web,
    logger,
  });
  const adminRoute = createAdminRoute({
    report: createAdminStatus({
      hub,
      streams,
      node: hostname(),
      health: () => firstFailure(health) ?? 'OK',
      streamsPerTurn: config.fanout.turnWrites,
    }),
    web,
    guard: operatorGuard,
    logger,
  });
  const metrics = createMetricRegistry({
    timestampOf: entryTimestampMs,
    takeSnapshot: createTakeSnapshot({
      build: { version: packageVersion(), node: process.version },
      health,
      streamCounts,
      rejections,
      ingest: { requests: ingestCounter.requests, inFlight },
      hub,
      feed,
      history,
      streamsPerTurn: config.fanout.turnWrites,
    }),
  });
  const server = createServer({
    config: config.http,
    cors,
    sockets,
    directRoutes: [
      ingestCounter.count(createBroadcastRoute(ingest)),
      // Before the streams, which have the other methods of its path.
      ingestCounter.count(createBatchRoute(ingest)),
      streamRoute,
      adminRoute,
      createMetricsRoute({ metrics, guard: operatorGuard, logger }),
    ],
    app,
    rejections,
    logger,
  });

  // Without Kafka there is no other process that could tick.
  const ticker =
    config.eventLog === 'memory' && config.ticker.intervalMs > 0
      ? startTicker({ log, topics, config: config.ticker, logger })
      : null;

  function draining(): GatewayError | null {
    return lifecycle.state === 'draining' ? new GatewayError('draining') : null;
  }

  async function drainAndClose(): Promise<void> {
    lifecycle.state = 'draining';
    ticker?.stop();
    const { drainMs, drainGapMs, finishMs } = config.shutdown;
    await drainStreams(streams, {
      drainMs,
      gapMs: drainGapMs,
      closesPerTurn: Math.ceil(config.fanout.turnWrites / CLOSE_WRITES),
    });
    await server.close(finishMs);
    rounds.stop();
    streamLog.stop();
    logWatch.stop();
    history.close();
    await tail.close();
    await log.close(finishMs);
    hub.close();
  }

  let stopping: Promise<void> | null = null;
  return {
    async start() {
      const port = await server.listen();
      warnOfExposure(config, logger);
      lifecycle.state = 'running';
      return port;
    },
    stop() {
      stopping ??= drainAndClose();
      return stopping;
    },
    rejections,
  };
}
