import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Grant, OPEN_GRANT } from '../auth/grant';
import type { SubscribeGuard } from '../auth/subscribe-guard';
import { asGatewayError, type GatewayError } from '../errors';
import type { ClientAddress } from '../http/client-address';
import type { Cors } from '../http/cors';
import type { DetachedSockets } from '../http/detached-sockets';
import { type OnRejected, sendProblem } from '../http/problem';
import { requestIdOf } from '../http/request-id';
import type { RequestTarget } from '../http/request-target';
import type { Route } from '../http/router';
import { ownEvent } from '../wire/own-event';
import { countRejection, type StreamCounts } from './open-streams';
import type { Resume } from './resume';
import {
  type RetryTime,
  SSE,
  type StreamHead,
  streamHeadOf,
  streamKindOf,
  streamOriginOf,
} from './sse-stream';
import type { StreamAdmission } from './stream-admission';
import type { OpenStream } from './stream-opening';
import { type StreamQuery, type StreamQueryLimits, streamQueryOf } from './stream-query';

interface StreamRouteDeps extends StreamRejectionDeps {
  readonly clientAddress: ClientAddress;
  readonly sockets: Pick<DetachedSockets, 'take'>;
  readonly admission: StreamAdmission;
  /** Null: anyone may subscribe to anything. */
  readonly guard: SubscribeGuard | null;
  readonly limits: StreamQueryLimits;
  readonly resume: Pick<Resume, 'checkStrict'>;
  readonly open: OpenStream;
}

interface StreamCall {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly target: RequestTarget;
  readonly query: StreamQuery;
  readonly grant: Grant;
}

export interface StreamRoute extends Pick<Route, 'onRejected'> {
  handle(req: IncomingMessage, res: ServerResponse, target: RequestTarget): void;
}

/** `GET /events`, `/sse` and `/subscribe/<channel>`: checks a request for a stream, the cheapest checks first. */
export function createStreamRoute(deps: StreamRouteDeps): StreamRoute {
  const { counts, cors, limits, admission, clientAddress, guard, sockets, resume, open } = deps;
  const reject = createStreamRejection(deps);

  /** From here on the HTTP server no longer knows the socket, and the request is garbage. */
  function take({ req, res, target, query, grant }: StreamCall, head: StreamHead): void {
    const origin =
      req.method === 'HEAD'
        ? null
        : streamOriginOf(req, target.path, clientAddress.of(req), requestIdOf(res));
    sockets.take(req, res, (socket) => {
      if (origin === null) socket.end(head.text);
      // Again: the request may have arrived slowly, and the limits may be reached meanwhile.
      else if (admission.rejection(origin.clientIp, query.subscription) !== null) socket.destroy();
      else open(socket, { head, query, origin, grant });
    });
  }

  function answer(call: StreamCall): void {
    const { req, res, target, query } = call;
    if (req.socket.destroyed) return;
    const head = streamHeadOf(
      req,
      streamKindOf(target.path),
      requestIdOf(res),
      cors.headersFor(req.headers.origin),
    );
    if (!query.isStrict) {
      take(call, head);
      return;
    }
    resume
      .checkStrict(query, () => !req.socket.destroyed)
      .then(
        () => !req.socket.destroyed && take(call, head),
        (thrown: unknown) => reject(req, res, thrown),
      );
  }

  function handle(req: IncomingMessage, res: ServerResponse, target: RequestTarget): void {
    const query = streamQueryOf(target, req.headers, limits);
    const rejection =
      admission.rejection(clientAddress.of(req), query.subscription) ?? admission.rateRejection();
    if (rejection !== null) {
      reject(req, res, rejection);
      return;
    }
    const admit = (grant: Grant) => {
      const call = { req, res, target, query, grant };
      // A pipelined request gets the socket when the requests before it are answered.
      if (res.socket === null) res.once('socket', () => answer(call));
      else answer(call);
    };
    if (guard === null) {
      admit(OPEN_GRANT);
      return;
    }
    guard(req, query.subscription.channels)
      .then(admit)
      .catch((thrown: unknown) => reject(req, res, thrown));
  }

  return { handle, onRejected: ({ code }) => countRejection(counts, code) };
}

interface StreamRejectionDeps {
  readonly counts: StreamCounts;
  readonly cors: Cors;
  readonly retryMs: RetryTime;
  readonly onRejected: OnRejected;
}

/** Answers a request for a stream that gets none. */
type RejectStream = (req: IncomingMessage, res: ServerResponse, thrown: unknown) => void;

export function createStreamRejection({
  counts,
  cors,
  retryMs,
  onRejected,
}: StreamRejectionDeps): RejectStream {
  /** The client should try again, but an EventSource gives up for good on any status other than 200. */
  function rejectForNow(req: IncomingMessage, res: ServerResponse, error: GatewayError): void {
    // From a proxy that tries another gateway next. A 200 would make this gateway look like the least busy one.
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
    if (error.httpStatus === 503) rejectForNow(req, res, error);
    // The same request would be rejected again: an EventSource has to end for good.
    else sendProblem(res, error, { ...cors.headersFor(req.headers.origin), Connection: 'close' });
  };
}
