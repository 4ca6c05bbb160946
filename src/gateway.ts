import { createJwtVerifier } from './auth/jwt-verifier';
import { createSubscribeGuard } from './auth/subscribe-guard';
import { type Config, ConfigError } from './config';
import { GatewayError } from './errors';
import type { EventLog } from './eventlog/event-log';
import { createKafkaEventLog } from './eventlog/kafka/kafka-event-log';
import { createMemoryEventLog } from './eventlog/memory/memory-event-log';
import { createTopicMap, type TopicMap } from './events/topic-map';
import type { RejectionCounts } from './http/problem';
import { createRouter } from './http/router';
import { createServer } from './http/server';
import type { Logger } from './logger';
import { createApp } from './operator/routes';
import { createEdge, warnOfExposure } from './parts/edge';
import { createIngest } from './parts/ingest';
import { createRoutes } from './parts/operator';
import { startReading } from './parts/reading';
import { createStreaming } from './parts/streaming';
import { startTicker } from './roles/ticker';
import type { Lifecycle } from './status/health';
import { createHistograms } from './status/histograms';
import { createCurrentAggregation } from './status/kafka-status';
import { startLogWatch } from './status/log-watch';
import { compileSchema, createFileDecoder, createFramedDecoder } from './values/framed-values';
import { createSchemaRegistry, type SchemaRegistry } from './values/schema-registry';

export interface Gateway {
  /** Resolves with the port it listens on. The event log may not be reached yet: `/readyz` tells. */
  start(): Promise<number>;
  /** Drains the streams and closes everything; a second call returns the same promise. */
  stop(): Promise<void>;
  /** Rejected requests since the start, by reason. */
  readonly rejections: Readonly<RejectionCounts>;
}

/** The event log that the configuration asks for. @param topics unset: those to serve */
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

/** Null: none is configured. */
export function createRegistry(config: Config, logger: Logger): SchemaRegistry | null {
  const { registry } = config.values;
  return registry === null
    ? null
    : createSchemaRegistry({ config: registry, compile: compileSchema, logger });
}

/** @throws ConfigError for a schema file that cannot be used */
export function createServedTopics({ topics, values }: Config, registry: SchemaRegistry | null): TopicMap {
  return createTopicMap(topics, (int64, schema) => {
    const options = { int64, ...values.limits };
    // A topic that needs a registry has one: the configuration was checked for that.
    if (schema === null) return createFramedDecoder(registry!, options);
    try {
      return createFileDecoder(schema, options);
    } catch (error) {
      throw new ConfigError([`${schema.name} is no usable schema: ${(error as Error).message}`]);
    }
  });
}

/** Builds the parts and joins them, in the order in which an event travels: event log, reading, streams; then the way in. */
export function createGateway(config: Config, logger: Logger): Gateway {
  const { kafka, auth } = config;
  const lifecycle: Lifecycle = { state: 'starting' };
  const draining = () => (lifecycle.state === 'draining' ? new GatewayError('draining') : null);
  const edge = createEdge(config.http, logger);
  const histograms = createHistograms();
  const registry = createRegistry(config, logger);
  const topics = createServedTopics(config, registry);
  const baseOf = (topic: string) => topics.byName(topic).base;
  const aggregation = createCurrentAggregation(config.aggregation);
  const verifier = auth.jwt === null ? null : createJwtVerifier(auth.jwt, logger);

  const log = createEventLog(config, logger, undefined, histograms.onProduced);
  const reading = startReading({
    log,
    topics,
    config,
    retryMs: kafka.retryMaxMs,
    clockSkewMs: kafka.silenceMs,
    accepts: edge.accepts,
    onPass: histograms.onPass,
    // Summaries are not summed up again.
    onEvent: (event) => event.origin.topic !== config.summaryTopic && aggregation.onEvent(event),
    onStreamError: (error) => logger.error({ err: error }, 'Stream failed'),
    logger,
  });
  const logWatch = startLogWatch({
    log,
    everyMs: config.streams.logCheckMs,
    baseOf,
    heldBackMs: kafka.silenceMs,
    onNews: reading.feed.announceStatus,
    onUnread: reading.feed.warmWithout,
    logger,
  });
  const streaming = createStreaming({
    reading,
    log,
    edge,
    config: {
      streams: config.streams,
      resume: config.resume,
      turnWrites: config.fanout.turnWrites,
      logLinesPerSecond: config.streamLogLines,
      noticeMs: auth.noticeMs,
      retryMinMs: kafka.retryMinMs,
      retryMaxMs: kafka.retryMaxMs,
    },
    guard: verifier === null ? null : createSubscribeGuard({ verifier, ...auth }),
    troubles: logWatch.troubles,
    baseOf,
    draining,
    onStreamClosed: histograms.onStreamClosed,
    logger,
  });
  streaming.startRounds();
  const ingest = createIngest({
    log,
    topics,
    ids: reading.ids,
    edge,
    config,
    verifier,
    draining,
    onDone: histograms.onIngest,
  });
  const routes = createRoutes({
    log,
    lifecycle,
    edge,
    reading,
    streaming,
    ingest,
    histograms,
    aggregation,
    verifier,
    registry,
    config,
  });
  const server = createServer({
    config: config.http,
    ...edge,
    route: createRouter({ routes, createApp, cors: edge.cors, logger }),
    logger,
  });
  // The command `tick` needs Kafka: a memory log has its ticker in the gateway.
  const ticker =
    config.eventLog === 'memory' && config.ticker.intervalMs > 0
      ? startTicker({ log, topics, config: config.ticker, logger })
      : null;

  async function drainAndClose(): Promise<void> {
    lifecycle.state = 'draining';
    ticker?.stop();
    await streaming.drain(config.shutdown);
    await server.close(config.shutdown.finishMs);
    streaming.close();
    logWatch.stop();
    registry?.close();
    await reading.close();
    await log.close(config.shutdown.finishMs);
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
    rejections: edge.rejections,
  };
}
