import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError, type GatewayError } from '../errors';
import type { Cors } from '../http/cors';
import { type OnRejected, sendProblem } from '../http/problem';
import { ownEvent } from '../wire/own-event';
import type { RetryTime } from './retry-time';
import { countRejection, type StreamCounts } from './stream-counts';
import { SSE } from './stream-head';

export interface StreamRefusalDeps {
  readonly counts: StreamCounts;
  readonly cors: Cors;
  readonly retryMs: RetryTime;
  readonly onRejected: OnRejected;
}

/** Answers a request for a stream that gets none. */
export type RefuseStream = (req: IncomingMessage, res: ServerResponse, thrown: unknown) => void;

export function createStreamRefusal({ counts, cors, retryMs, onRejected }: StreamRefusalDeps): RefuseStream {
  /** Nobody's fault, so to be tried again: but a browser gives up for good on any status other than 200. */
  function refuseForNow(req: IncomingMessage, res: ServerResponse, error: GatewayError): void {
    // A proxy that can try another gateway says so; to it 200 would make this one the least busy of all.
    if (req.headers['x-sse-failover'] === '1') {
      sendProblem(res, error, { Connection: 'close' });
      return;
    }
    res.writeHead(200, {
      'Content-Type': SSE.contentType,
      'Cache-Control': SSE.cacheControl,
      Connection: 'close',
      ...cors.headersFor(req.headers.origin),
    });
    res.end(ownEvent('gateway.retry', { code: error.code }, { retryMs: retryMs() }));
  }

  return (req, res, thrown) => {
    const error = asGatewayError(thrown);
    onRejected(error, res);
    countRejection(counts, error.code);
    if (error.httpStatus === 503) refuseForNow(req, res, error);
    // An EventSource that asks for what it cannot have has to end for good: the honest status.
    else sendProblem(res, error, { ...cors.headersFor(req.headers.origin), Connection: 'close' });
  };
}
