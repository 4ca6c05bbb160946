import { hostname } from 'node:os';
import { join } from 'node:path';
import { createReportGrants } from '../auth/grants-report';
import type { JwtVerifier } from '../auth/jwt-verifier';
import { createOperatorGuard } from '../auth/operator-guard';
import { createApiKeys } from '../auth/publish-guard';
import type { Config } from '../config';
import type { EventLog } from '../eventlog/event-log';
import type { Route } from '../http/router';
import { createWebFiles } from '../http/web-files';
import { routesOf } from '../operator/routes';
import { createAdminStatus } from '../status/admin-status';
import { firstFailure, type Lifecycle, readiness } from '../status/health';
import type { Histograms } from '../status/histograms';
import { type CurrentAggregation, kafkaStatus } from '../status/kafka-status';
import { createMetricRegistry } from '../status/metric-registry';
import { createTakeSnapshot } from '../status/snapshot';
import type { SchemaRegistry } from '../values/schema-registry';
import { packageVersion } from '../version';
import type { Edge } from './edge';
import type { Ingest } from './ingest';
import type { Reading } from './reading';
import type { Streaming } from './streaming';

export interface RoutesDeps {
  readonly log: EventLog;
  /** Null: there is none. */
  readonly registry: SchemaRegistry | null;
  readonly lifecycle: Lifecycle;
  readonly edge: Edge;
  readonly reading: Reading;
  readonly streaming: Streaming;
  readonly ingest: Ingest;
  readonly histograms: Histograms;
  readonly aggregation: CurrentAggregation;
  /** Null: no tokens are accepted. */
  readonly verifier: JwtVerifier | null;
  readonly config: Config;
}

/** The table of routes, with those of operators and probes, which read from all parts and change nothing. */
export function createRoutes(deps: RoutesDeps): readonly Route[] {
  const {
    log,
    registry,
    lifecycle,
    edge,
    reading,
    streaming,
    ingest,
    histograms,
    aggregation,
    verifier,
    config,
  } = deps;
  const { hub, feed, history, ids } = reading;
  const { streams } = streaming;
  const streamsPerTurn = config.fanout.turnWrites;
  const health = {
    log,
    registry,
    lifecycle,
    streams,
    maxStreams: config.streams.maxStreams,
    ingest: config.ingest.enabled,
    isWarm: () => ids.layout() !== null,
    readyWhen: config.readyWhen,
    heldBackMs: config.kafka.silenceMs,
  };
  const guard = createOperatorGuard(config.http.adminKey, edge.clientAddress);
  const report = createAdminStatus({
    hub,
    streams,
    node: hostname(),
    health: () => firstFailure(health) ?? 'OK',
    streamsPerTurn,
  });
  const takeSnapshot = createTakeSnapshot({
    build: { version: packageVersion(), node: process.version },
    health,
    streamCounts: streaming.counts,
    rejections: edge.rejections,
    ingest,
    hub,
    feed,
    history,
    streamsPerTurn,
  });
  return routesOf({
    stream: streaming.route,
    ingest,
    streams,
    readiness: () => readiness(health),
    kafkaStatus: () => kafkaStatus(log, feed, aggregation, registry),
    reportGrants: createReportGrants({
      apiKeys: createApiKeys(config.auth.apiKeys),
      verifier,
      cookie: config.auth.cookie,
      publicChannels: config.auth.publicChannels,
      ingest: config.ingest.enabled,
    }),
    report,
    metrics: createMetricRegistry(takeSnapshot, histograms),
    guard,
    web: createWebFiles(join(__dirname, '../web')),
  });
}
