import type { IncomingMessage, ServerResponse } from 'node:http';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createOperatorGuard } from '../auth/operator-guard';
import type { Config } from '../config';
import type { EventLog } from '../eventlog/event-log';
import type { DirectRoute } from '../http/direct-route';
import { createWebFiles } from '../http/web-files';
import type { Lifecycle } from '../lifecycle';
import type { Logger } from '../logger';
import { createAdminRoute } from '../operator/admin-route';
import { createApp } from '../operator/app';
import { createMetricsRoute } from '../operator/metrics-route';
import { createAdminStatus } from '../status/admin-status';
import { firstFailure } from '../status/health';
import type { Histograms } from '../status/histograms';
import { type CurrentAggregation, kafkaStatus } from '../status/kafka-status';
import { createMetricRegistry } from '../status/metric-registry';
import { createTakeSnapshot } from '../status/snapshot';
import { packageVersion } from '../version';
import type { Edge } from './edge';
import type { Ingest } from './ingest';
import type { Reading } from './reading';
import type { Streaming } from './streaming';

export interface OperatorDeps {
  readonly log: EventLog;
  readonly lifecycle: Lifecycle;
  readonly edge: Edge;
  readonly reading: Reading;
  readonly streaming: Streaming;
  readonly ingest: Ingest;
  readonly histograms: Histograms;
  readonly aggregation: CurrentAggregation;
  readonly config: Config;
  readonly logger: Logger;
}

/** What operators and probes see: it reads from all parts, and changes nothing. */
export interface Operator {
  readonly routes: readonly DirectRoute[];
  /** Everything that no other route takes. */
  readonly app: (req: IncomingMessage, res: ServerResponse) => void;
}

export function createOperator(deps: OperatorDeps): Operator {
  const { log, lifecycle, edge, reading, streaming, ingest, histograms, aggregation, config, logger } = deps;
  const { hub, feed, history, ids } = reading;
  const { streams } = streaming;
  const streamsPerTurn = config.fanout.turnWrites;
  const health = {
    log,
    lifecycle,
    streams,
    maxStreams: config.streams.maxStreams,
    ingest: config.ingest.enabled,
    isWarm: () => ids.layout() !== null,
    readyWhen: config.readyWhen,
    heldBackMs: config.kafka.livenessMs,
  };
  const web = createWebFiles(join(__dirname, '../web'));
  const guard = createOperatorGuard({
    adminKey: config.http.adminKey,
    clientAddress: edge.clientAddress,
  });
  const report = createAdminStatus({
    hub,
    streams,
    node: hostname(),
    health: () => firstFailure(health) ?? 'OK',
    streamsPerTurn,
  });
  const metrics = createMetricRegistry({
    histograms,
    takeSnapshot: createTakeSnapshot({
      build: { version: packageVersion(), node: process.version },
      health,
      streamCounts: streaming.counts,
      rejections: edge.rejections,
      ingest,
      hub,
      feed,
      history,
      streamsPerTurn,
    }),
  });
  return {
    routes: [
      createAdminRoute({ report, web, guard, logger }),
      createMetricsRoute({ metrics, guard, logger }),
    ],
    app: createApp({
      streams,
      cors: edge.cors,
      health,
      kafkaStatus: () => kafkaStatus(log, feed, aggregation),
      web,
      logger,
    }),
  };
}
