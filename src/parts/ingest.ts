import { type ApiKeys, createApiKeys } from '../auth/api-keys';
import type { JwtVerifier } from '../auth/jwt-verifier';
import { createPublishGuard } from '../auth/publish-guard';
import type { Config } from '../config';
import type { GatewayError } from '../errors';
import type { EventLog } from '../eventlog/event-log';
import type { LogIds } from '../events/log-ids';
import type { TopicMap } from '../events/topic-map';
import type { DirectRoute } from '../http/direct-route';
import { createBatchRoute } from '../ingest/batch-route';
import { createBroadcastRoute } from '../ingest/broadcast-route';
import { createInFlight, type InFlight } from '../ingest/in-flight';
import { createIngestAdmission } from '../ingest/ingest-admission';
import { createIngestCounter } from '../ingest/ingest-counter';
import { createPublisher } from '../ingest/publisher';
import type { Edge } from './edge';

export interface IngestDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly ids: Pick<LogIds, 'idAfter'>;
  readonly edge: Edge;
  readonly config: Pick<Config, 'ingest' | 'auth' | 'http'>;
  /** Null: no tokens are accepted. */
  readonly verifier: JwtVerifier | null;
  readonly draining: () => GatewayError | null;
  readonly onDone: (durationMs: number) => void;
}

/** From a POST to the event log. */
export interface Ingest {
  readonly routes: readonly DirectRoute[];
  /** Answers by status. */
  readonly requests: Readonly<Record<string, number>>;
  readonly inFlight: InFlight;
}

export function createIngest(deps: IngestDeps): Ingest {
  const { log, topics, ids, edge, verifier, draining, onDone } = deps;
  const { ingest: config, auth, http } = deps.config;
  const { maxEventBytes } = config;
  const { cors, clientAddress, onRejected } = edge;
  const apiKeys: ApiKeys | null = auth.apiKeys.length === 0 ? null : createApiKeys(auth.apiKeys);
  const inFlight = createInFlight(config.inFlight);
  const admission = createIngestAdmission({
    guard: createPublishGuard({ apiKeys, verifier, cookie: auth.cookie, corsOrigins: http.corsOrigins }),
    inFlight,
    clientAddress,
    config,
    draining,
  });
  const publisher = createPublisher({ log, topics, maxEventBytes, idAfter: ids.idAfter });
  const counter = createIngestCounter({ onDone });
  const shared = { publisher, cors, config, admission, onRejected };
  return {
    routes: [counter.count(createBroadcastRoute(shared)), counter.count(createBatchRoute(shared))],
    requests: counter.requests,
    inFlight,
  };
}
