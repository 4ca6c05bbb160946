import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Grant, OPEN_GRANT } from '../auth/grant';
import type { SubscribeGuard } from '../auth/subscribe-guard';
import type { Config } from '../config';
import { asGatewayError, GatewayError } from '../errors';
import type { ClientAddress } from '../http/client-address';
import type { Cors } from '../http/cors';
import type { DetachedSockets } from '../http/detached-sockets';
import { sendProblem } from '../http/problem';
import { REQUEST_ID_HEADER, requestIdOf } from '../http/request-id';
import type { RequestTarget } from '../http/request-target';
import { methodNotAllowed, READ_METHODS } from '../http/unserved';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import type { Logger } from '../logger';
import { encodeFrame, idLine, OPENING } from './frame';
import { gapData } from './gap';
import type { OpenStreams } from './open-streams';
import type { Notice, Resolution, Resume } from './resume';
import { SseStream, type SseStreamDeps } from './sse-stream';
import type { StreamAdmission } from './stream-admission';
import { countRejection, type ResumeResult, type StreamCounts } from './stream-counts';
import { streamOriginOf } from './stream-origin';
import { type StreamQuery, SUBSCRIBE_PATH, streamQueryOf } from './stream-query';
import type { TokenExpiry } from './token-expiry';

export interface StreamRouteDeps {
  readonly hub: Hub;
  readonly streams: OpenStreams;
  readonly resume: Resume;
  readonly counts: StreamCounts;
  readonly cors: Cors;
  readonly clientAddress: ClientAddress;
  readonly sockets: Pick<DetachedSockets, 'take'>;
  readonly config: Config['streams'];
  readonly idOf: (positions: Positions) => string;
  /** False until ids can be written and judged. */
  readonly isReady: () => boolean;
  readonly whenReady: () => Promise<void>;
  /** As the streams that are open have been told. */
  readonly isLogInterrupted: () => boolean;
  /** `POST /events` is another route's; told to who tries a third method. */
  readonly takesBatches: boolean;
  readonly admission: StreamAdmission;
  /** Null: anyone may subscribe to anything. */
  readonly guard: SubscribeGuard | null;
  readonly tokenExpiry: TokenExpiry;
  /** Hears what is answered instead of a stream, and logs what is a defect. */
  readonly onRefused: (error: GatewayError) => void;
  readonly logger: Logger;
}

export interface StreamRoute {
  /** True for the paths of streams, whatever the method. */
  owns(path: string, method: string): boolean;
  handle(req: IncomingMessage, res: ServerResponse, target: RequestTarget): void;
}

/** A request for a stream. */
interface StreamCall {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly target: RequestTarget;
  readonly query: StreamQuery;
  readonly grant: Grant;
}

/** The head of an answer. */
interface Head {
  readonly text: string;
  /** What follows it is chunked. */
  readonly chunked: boolean;
}

/** The head's two lines that each document of the contract wants in its own form. */
interface StreamKind {
  readonly contentType: string;
  readonly cacheControl: string;
}

const EVENTS: StreamKind = {
  contentType: 'text/event-stream;charset=utf-8',
  cacheControl: 'no-cache, no-transform',
};
const SSE: StreamKind = { contentType: 'text/event-stream', cacheControl: 'no-cache' };
const SUBSCRIBE: StreamKind = { contentType: 'text/event-stream; charset=utf-8', cacheControl: 'no-cache' };

/** `GET /events`, `/sse` and `/subscribe/<channel>`: opens event streams. */
export function createStreamRoute(deps: StreamRouteDeps): StreamRoute {
  const { hub, streams, resume, counts, cors, config, admission, idOf } = deps;
  /** Streams that began while the log was away, and know it. */
  const awareOfOutage = new WeakSet<SseStream>();

  function retryMs(): number {
    return config.retryMinMs + Math.floor(Math.random() * (config.retryMaxMs - config.retryMinMs + 1));
  }

  /** What a stream answers for now is not the client's fault: a browser would give up for good on any status but 200. */
  function refuse(req: IncomingMessage, res: ServerResponse, refusal: GatewayError): void {
    deps.onRefused(refusal);
    countRejection(counts, refusal.code);
    // A proxy that can try another gateway says so; to it 200 would make this one the least busy of all.
    if (req.headers['x-sse-failover'] === '1') {
      sendProblem(res, refusal, { Connection: 'close' });
      return;
    }
    res.writeHead(200, {
      'Content-Type': SSE.contentType,
      'Cache-Control': SSE.cacheControl,
      Connection: 'close',
      ...cors.headersFor(req.headers.origin),
    });
    res.end(`retry: ${retryMs()}\n: ${refusal.code}\n\n`);
  }

  const streamDeps: SseStreamDeps = {
    maxBufferBytes: config.maxClientBufferBytes,
    lingerMs: config.slowGraceMs,
    retryMs,
    caughtUpText: (stream, positions, replayed) =>
      ownEvent('gateway.live', { replayed }, positions) + logWordFor(stream),
    onDrained: ({ subscriber }) => subscriber !== null && hub.drained(subscriber),
    onClose: (stream, reason) => {
      streams.remove(stream, reason);
      admission.closed(stream.origin.clientIp);
      if (stream.subscriber !== null) hub.unsubscribe(stream.subscriber);
    },
  };

  function ownEvent(event: string, data: object, positions: Positions): string {
    return encodeFrame(idOf(positions), event, Buffer.from(JSON.stringify(data))).bytes.toString();
  }

  /**
   * Tells a stream of the log's state when it is another one than it was told last: what the hub tells all streams
   * passes by those that have a past to be given. Without an id, so it covers nothing.
   */
  function logWordFor(stream: SseStream): string {
    const isAway = deps.isLogInterrupted();
    if (isAway === awareOfOutage.has(stream)) return '';
    if (isAway) awareOfOutage.add(stream);
    else awareOfOutage.delete(stream);
    const data = Buffer.from(JSON.stringify({ kafka: isAway ? 'interrupted' : 'ok' }));
    return encodeFrame(null, 'gateway.status', data).bytes.toString();
  }

  /** What comes before the first event. A notice that is due first has the id, since the start covers what it tells. */
  function beginningOf({ start, notices }: Resolution, retry: string): string {
    const { ring } = hub;
    const positions = start.at === 'floor' ? start.floor : ring.positions;
    if (notices.length === 0) return `${retry}${idLine(idOf(positions))}\n`;
    const told = notices
      .map((notice) => ownEvent(notice.event, noticeData(notice), notice.positions))
      .join('');
    return (retry === '' ? '' : `${retry}\n`) + told;
  }

  function countResume({ start, notices }: Resolution): void {
    if (start.at === 'head') return;
    for (const notice of notices)
      if (notice.event === 'gateway.gap') counts.resumeLost += Number(notice.gap.to - notice.gap.from);
    counts.resumes[resultOf(start.floor, notices)]++;
  }

  function resultOf(floor: Positions, [notice]: readonly Notice[]): ResumeResult {
    if (notice !== undefined) return notice.event === 'gateway.gap' ? 'gap' : 'reset';
    return hub.ring.seqAfter(floor) === null ? 'log' : 'ring';
  }

  function attach(stream: SseStream, { subscription }: StreamQuery, resolution: Resolution): void {
    const { start } = resolution;
    countResume(resolution);
    stream.subscriber = hub.subscribe(subscription, stream, start);
    // The ring may have gone on while the log was asked; from a floor the hub finds the place by itself.
    if (!stream.isOpen) hub.unsubscribe(stream.subscriber);
  }

  /** The log has to be reached or asked first: the stream is open meanwhile. */
  async function attachLater(
    stream: SseStream,
    query: StreamQuery,
    asked: Promise<Resolution | null>,
    retry: string,
  ): Promise<void> {
    const resolution = await asked;
    if (resolution === null || !stream.isOpen) return;
    stream.writeText(beginningOf(resolution, retry) + logWordFor(stream));
    attach(stream, query, resolution);
  }

  /** The request is not kept: it goes with its socket's place at the HTTP server. */
  function take({ req, res, target, query, grant }: StreamCall, head: Head): void {
    const { chunked } = head;
    const origin =
      req.method === 'HEAD'
        ? null
        : streamOriginOf(req, target.path, deps.clientAddress.of(req), requestIdOf(res));
    deps.sockets.take(req, res, (socket) => {
      if (origin === null) socket.end(head.text);
      // Only for who took long to send the whole request: it was asked before.
      else if (admission.refusal(origin.clientIp, query.subscription) !== null) socket.destroy();
      else {
        const stream = new SseStream(streamDeps, { socket, chunked, origin });
        streams.add(stream);
        admission.opened(origin.clientIp);
        if (grant.expiresAtMs !== null) deps.tokenExpiry.watch(stream, grant.expiresAtMs);
        open(stream, head.text, query);
      }
    });
  }

  function open(stream: SseStream, head: string, query: StreamQuery): void {
    const retry = `retry: ${retryMs()}\n`;
    const isOpen = () => stream.isOpen;
    const isReady = deps.isReady();
    const resolve = () => resume.resolve(query.start, query.subscription, isOpen);
    const found = isReady ? resolve() : deps.whenReady().then(() => (isOpen() ? resolve() : null));
    if (!(found instanceof Promise)) {
      stream.open(head, OPENING + beginningOf(found, retry) + logWordFor(stream));
      attach(stream, query, found);
      return;
    }
    // While the log has never been reached, the client has to know at least when to come back.
    stream.open(head, (isReady ? OPENING : `${OPENING}${retry}\n`) + logWordFor(stream));
    attachLater(stream, query, found, isReady ? retry : '').catch((error: unknown) => {
      deps.logger.error({ err: error }, 'a stream could not begin');
      stream.destroy('error');
    });
  }

  /** For `?strict=1`: an error with what is available, while it can still have a status. */
  async function refuseLoss(query: StreamQuery, isOpen: () => boolean): Promise<void> {
    await deps.whenReady();
    const resolution = await resume.resolve(query.start, query.subscription, isOpen);
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
  }

  /** An EventSource that may not subscribe has to end for good, so what a stranger is told is the honest status. */
  function refuseStranger(req: IncomingMessage, res: ServerResponse, error: GatewayError): void {
    // Nobody's fault but ours: to be tried again.
    if (error.httpStatus === 503) {
      refuse(req, res, error);
      return;
    }
    deps.onRefused(error);
    countRejection(counts, error.code);
    sendProblem(res, error, { ...cors.headersFor(req.headers.origin), Connection: 'close' });
  }

  function answer(call: StreamCall, kind: StreamKind): void {
    const { req, res, query } = call;
    if (req.socket.destroyed) return;
    const corsHeaders = cors.headersFor(req.headers.origin);
    const chunked = req.httpVersion === '1.1' && !/\bclose\b/i.test(req.headers.connection ?? '');
    const head: Head = { chunked, text: headOf(kind, chunked, requestIdOf(res), corsHeaders) };
    if (!query.isStrict) {
      take(call, head);
      return;
    }
    refuseLoss(query, () => !req.socket.destroyed).then(
      () => !req.socket.destroyed && take(call, head),
      (thrown: unknown) => {
        const error = asGatewayError(thrown);
        countRejection(counts, error.code);
        sendProblem(res, error, corsHeaders);
      },
    );
  }

  function handle(req: IncomingMessage, res: ServerResponse, target: RequestTarget): void {
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      const takesPost = target.path === '/events' && deps.takesBatches;
      throw methodNotAllowed(target.path, req.method, takesPost ? 'GET, HEAD, POST, OPTIONS' : READ_METHODS);
    }
    const kind = target.path === '/events' ? EVENTS : target.path === '/sse' ? SSE : SUBSCRIBE;
    const query = streamQueryOf(target, req.headers, config);
    const refusal =
      admission.refusal(deps.clientAddress.of(req), query.subscription) ?? admission.acceptRefusal();
    if (refusal !== null) {
      refuse(req, res, refusal);
      return;
    }
    const admit = (grant: Grant) => {
      // A pipelined request has its answer's place on the socket only when those before it are through.
      if (res.socket === null) res.once('socket', () => answer({ req, res, target, query, grant }, kind));
      else answer({ req, res, target, query, grant }, kind);
    };
    if (deps.guard === null) admit(OPEN_GRANT);
    else
      deps
        .guard(req, query.subscription.channels)
        .then(admit)
        .catch((thrown: unknown) => refuseStranger(req, res, asGatewayError(thrown)));
  }

  return {
    owns: (path) =>
      path === '/events' ||
      path === '/sse' ||
      path === SUBSCRIBE_PATH ||
      path.startsWith(`${SUBSCRIBE_PATH}/`),

    handle(req, res, target) {
      try {
        handle(req, res, target);
      } catch (thrown) {
        countRejection(counts, asGatewayError(thrown).code);
        throw thrown;
      }
    },
  };
}

function noticeData(notice: Notice): object {
  if (notice.event === 'gateway.reset') return { reason: notice.reason };
  return gapData(notice.gap);
}

/** Written by hand: the stream is written to the socket directly, so the answer's own machinery must not be in use. */
function headOf(
  kind: StreamKind,
  chunked: boolean,
  requestId: string | null,
  corsHeaders: Readonly<Record<string, string>>,
): string {
  let head =
    `HTTP/1.1 200 OK\r\nContent-Type: ${kind.contentType}\r\nCache-Control: ${kind.cacheControl}\r\n` +
    `Connection: keep-alive\r\nX-Accel-Buffering: no\r\nDate: ${new Date().toUTCString()}\r\n`;
  if (requestId !== null) head += `${REQUEST_ID_HEADER}: ${requestId}\r\n`;
  for (const [name, value] of Object.entries(corsHeaders)) head += `${name}: ${value}\r\n`;
  // Without it the body ends with the connection (RFC 9112 §6.3), whatever the Connection line says.
  if (chunked) head += 'Transfer-Encoding: chunked\r\n';
  return `${head}\r\n`;
}
