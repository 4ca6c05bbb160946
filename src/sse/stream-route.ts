import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Grant, OPEN_GRANT } from '../auth/grant';
import type { SubscribeGuard } from '../auth/subscribe-guard';
import type { ClientAddress } from '../http/client-address';
import type { DetachedSockets } from '../http/detached-sockets';
import { requestIdOf } from '../http/request-id';
import type { RequestTarget } from '../http/request-target';
import type { Route } from '../http/router';
import { createOutageNotice, type OutageNoticeDeps } from './outage-notice';
import { createRetryTime } from './retry-time';
import type { StreamAdmission } from './stream-admission';
import { countRejection } from './stream-counts';
import { type StreamHead, type StreamKind, streamHeadOf, streamKindOf } from './stream-head';
import { createStreamOpening, type StreamOpeningDeps } from './stream-opening';
import { streamOriginOf } from './stream-origin';
import { type StreamQuery, streamQueryOf } from './stream-query';
import { createStreamRefusal, type StreamRefusalDeps } from './stream-refusal';
import { createStrictStart } from './strict-start';

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
