import { ERROR_STATUSES } from '../errors';
import type { DirectRoute } from '../http/direct-route';

/** Statuses of what was stored, whole or in part. */
const STORED_STATUSES = [202, 207];
/** Stands for a status where the client left before it got one. */
const ABORTED = 'aborted';

export interface IngestCounterOptions {
  /** Called with how long a request took, from its head to the end of its answer. */
  readonly onDone: (durationMs: number) => void;
}

/** Counts requests to publish and their answers. */
export interface IngestCounter {
  /** By status, requests that are over. Each status is there from the start. */
  readonly requests: Readonly<Record<string, number>>;
  /** The same route, counted. */
  count(route: DirectRoute): DirectRoute;
}

export function createIngestCounter({ onDone }: IngestCounterOptions): IngestCounter {
  const codes = [...STORED_STATUSES, ...ERROR_STATUSES, ABORTED];
  const requests: Record<string, number> = Object.fromEntries(codes.map((code) => [code, 0]));
  return {
    requests,
    count: (route) => ({
      owns: route.owns,
      handle(req, res, target) {
        const startMs = performance.now();
        res.once('close', () => {
          requests[res.writableFinished ? res.statusCode : ABORTED]!++;
          onDone(performance.now() - startMs);
        });
        route.handle(req, res, target);
      },
    }),
  };
}
