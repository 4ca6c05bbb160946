import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Grant, OPEN_GRANT } from '../auth/grant';
import type { SubscribeGuard } from '../auth/subscribe-guard';
import { asGatewayError, GatewayError } from '../errors';
import type { ClientAddress } from '../http/client-address';
import type { Cors } from '../http/cors';
import type { DetachedSockets } from '../http/detached-sockets';
import { type OnRejected, sendProblem } from '../http/problem';
import { requestIdOf } from '../http/request-id';
import type { RequestTarget } from '../http/request-target';
import type { Route } from '../http/router';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import { ownEvent } from '../wire/own-event';
import { noticeData } from './claims';
import { countRejection, type StreamCounts } from './open-streams';
import { createOutageNotice, type OutageNoticeDeps } from './outage-notice';
import type { Resume } from './resume';
import {
  createRetryTime,
  type RetryTime,
  SSE,
  type StreamHead,
  type StreamKind,
  streamHeadOf,
  streamKindOf,
  streamOriginOf,
} from './sse-stream';
import type { StreamAdmission } from './stream-admission';
import { createStreamOpening, type StreamOpeningDeps } from './stream-opening';
import { type StreamQuery, streamQueryOf } from './stream-query';

export interface StreamRouteDeps
  extends Omit<StreamOpeningDeps, 'retryMs' | 'outageNotice'>,
    Omit<StreamRefusalDeps, 'retryMs'>,
    OutageNoticeDeps {
  readonly clientAddress: ClientAddress;
  readonly sockets: Pick<DetachedSockets, 'take'>;
  readonly admission: StreamAdmission;
  /** Null: anyone may subscribe to anything. */
  readonly guard: SubscribeGuard | null;
}

/** A request that may have a stream. */
interface StreamCall {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly target: RequestTarget;
  readonly kind: StreamKind;
  readonly query: StreamQuery;
  readonly grant: Grant;
}

export interface StreamRoute extends Pick<Route, 'onRejected'> {
  handle(req: IncomingMessage, res: ServerResponse, target: RequestTarget): void;
}

/** `GET /events`, `/sse` and `/subscribe/<channel>`: judges who asks for a stream, in the order of what it costs. */
export function createStreamRoute(deps: StreamRouteDeps): StreamRoute {
  const { counts, cors, config, admission, clientAddress, guard } = deps;
  const retryMs = createRetryTime(config);
  const refuse = createStreamRefusal({ ...deps, retryMs });
  const checkStrictStart = createStrictStart(deps);
  const open = createStreamOpening({ ...deps, retryMs, outageNotice: createOutageNotice(deps) });

  /** The request is not kept: it goes with its socket's place at the HTTP server. */
  function take({ req, res, target, query, grant }: StreamCall, head: StreamHead): void {
    const origin =
      req.method === 'HEAD'
        ? null
        : streamOriginOf(req, target.path, clientAddress.of(req), requestIdOf(res));
    deps.sockets.take(req, res, (socket) => {
      if (origin === null) socket.end(head.text);
      // Only for who took long to send the whole request: it was asked before.
      else if (admission.refusal(origin.clientIp, query.subscription) !== null) socket.destroy();
      else open(socket, { head, query, origin, grant });
    });
  }

  function answer(call: StreamCall): void {
    const { req, res, kind, query } = call;
    if (req.socket.destroyed) return;
    const head = streamHeadOf(req, kind, requestIdOf(res), cors.headersFor(req.headers.origin));
    if (!query.isStrict) {
      take(call, head);
      return;
    }
    checkStrictStart(query, () => !req.socket.destroyed).then(
      () => !req.socket.destroyed && take(call, head),
      (thrown: unknown) => refuse(req, res, thrown),
    );
  }

  function handle(req: IncomingMessage, res: ServerResponse, target: RequestTarget): void {
    const kind = streamKindOf(target.path);
    const query = streamQueryOf(target, req.headers, config);
    const refusal = admission.refusal(clientAddress.of(req), query.subscription) ?? admission.acceptRefusal();
    if (refusal !== null) {
      refuse(req, res, refusal);
      return;
    }
    const admit = (grant: Grant) => {
      const call = { req, res, target, kind, query, grant };
      // A pipelined request has its answer's place on the socket only when those before it are through.
      if (res.socket === null) res.once('socket', () => answer(call));
      else answer(call);
    };
    if (guard === null) {
      admit(OPEN_GRANT);
      return;
    }
    guard(req, query.subscription.channels)
      .then(admit)
      .catch((thrown: unknown) => refuse(req, res, thrown));
  }

  return { handle, onRejected: ({ code }) => countRejection(counts, code) };
}

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

export interface StrictStartDeps {
  readonly hub: Pick<Hub, 'ring'>;
  readonly resume: Resume;
  readonly idOf: (positions: Positions) => string;
  readonly whenReady: () => Promise<void>;
}

/**
 * For `?strict=1`: judges a start before the stream has begun, while an error can still have a status.
 * @throws GatewayError `cursor-expired`, with what a stream would have been told and the oldest id that is still good
 */
export type CheckStrictStart = (query: StreamQuery, isOpen: () => boolean) => Promise<void>;

export function createStrictStart({ hub, resume, idOf, whenReady }: StrictStartDeps): CheckStrictStart {
  return async ({ start, subscription }, isOpen) => {
    await whenReady();
    const resolution = await resume.resolve(start, subscription, isOpen);
    const notice = resolution?.notices[0];
    if (notice === undefined) return;
    throw new GatewayError(
      'cursor-expired',
      'not everything after this id can be given back; availableFrom is the oldest id that still can',
      {
        details: {
          notice: notice.event,
          ...noticeData(notice),
          availableFrom: idOf(hub.ring.positionsAt(hub.ring.base)),
        },
      },
    );
  };
}
