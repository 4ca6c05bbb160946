import type { JwtVerifier } from '../auth/jwt-verifier';
import { createApiKeys, createPublishGuard } from '../auth/publish-guard';
import type { Config } from '../config';
import type { GatewayError } from '../errors';
import type { EventLog } from '../eventlog/event-log';
import type { LogIds } from '../events/log-ids';
import type { TopicMap } from '../events/topic-map';
import { countRejected } from '../http/problem';
import { createIngestAdmission, type IngestAdmission } from '../ingest/admission';
import { createPublisher } from '../ingest/publisher';
import { createIngestRoutes, type IngestRoutes } from '../ingest/routes';
import type { Edge } from './edge';

interface IngestDeps {
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
export interface Ingest extends IngestRoutes {
  readonly inFlight: IngestAdmission['inFlight'];
}

export function createIngest(deps: IngestDeps): Ingest {
  const { log, topics, ids, edge, verifier, draining, onDone } = deps;
  const { ingest: config, auth, http } = deps.config;
  const { maxEventBytes } = config;
  const { cors, clientAddress, rejections } = edge;
  const admission = createIngestAdmission({
    guard: createPublishGuard({
      apiKeys: createApiKeys(auth.apiKeys),
      verifier,
      cookie: auth.cookie,
      corsOrigins: http.corsOrigins,
    }),
    clientAddress,
    config,
    draining,
  });
  const publisher = createPublisher({ log, topics, maxEventBytes, idAfter: ids.idAfter });
  const routes = createIngestRoutes({
    publisher,
    cors,
    config,
    admission,
    onRejected: (error) => countRejected(rejections, error),
    onDone,
  });
  return { ...routes, inFlight: admission.inFlight };
}
