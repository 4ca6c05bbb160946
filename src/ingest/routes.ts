import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config';
import { asGatewayError, ERROR_STATUSES, type ErrorCode, GatewayError } from '../errors';
import type { Cors } from '../http/cors';
import { sendProblem } from '../http/problem';
import { decodeOnce, queryFault, type RequestTarget } from '../http/request-target';
import type { Route } from '../http/router';
import { ROOT_CHANNEL } from '../wire/channel';
import type { IngestAdmission } from './admission';
import { parseBatch } from './batch';
import { readBody } from './body';
import { addressFault, type Published, type Publisher } from './publisher';
import { traceHeadersOf } from './trace-context';

interface IngestRoutesDeps {
  readonly publisher: Publisher;
  readonly cors: Cors;
  readonly config: Config['ingest'];
  readonly admission: IngestAdmission;
  readonly onRejected: (error: GatewayError) => void;
  /** Called with how long a request took, from its head to the end of its answer. */
  readonly onDone: (durationMs: number) => void;
}

type IngestRoute = Pick<Route, 'handle' | 'disabled' | 'onRequest' | 'onRejected'>;

export interface IngestRoutes {
  readonly broadcast: IngestRoute;
  readonly batch: IngestRoute;
  /** Requests that are over, by status. Each status is there from the start. */
  readonly requests: Readonly<Record<string, number>>;
}

const BROADCAST_PATH = '/broadcast';
/** Statuses of what was stored, whole or in part. */
const STORED_STATUSES = [202, 207];
/** Counted where the client left before it got a status. */
const ABORTED = 'aborted';
/** Errors of a whole batch: they do not depend on what its events are. */
const SHARED = new Set<ErrorCode>(['forbidden', 'topic-forbidden', 'unknown-topic']);

/** Publishing. Each route answers once the event log has the events. */
export function createIngestRoutes(deps: IngestRoutesDeps): IngestRoutes {
  const { publisher, cors, config, admission, onRejected, onDone } = deps;
  const statuses = [...STORED_STATUSES, ...ERROR_STATUSES, ABORTED];
  const requests: Record<string, number> = Object.fromEntries(statuses.map((status) => [status, 0]));

  /** `POST /broadcast[/<channel>]`: the body becomes one event, verbatim. */
  async function broadcast(req: IncomingMessage, target: RequestTarget): Promise<Published> {
    const channel = decodeOnce(target.path.slice(BROADCAST_PATH.length), 'channel') || ROOT_CHANNEL;
    const event = target.query.first('event');
    const key = target.query.first('key');
    const place = admission.enter();
    try {
      const verdict = await admission.judge(req, place);
      const rejection =
        verdict.rejection ??
        queryFault(target, ['event', 'key']) ??
        addressFault(channel, event) ??
        verdict.channelFault(channel);
      const data = await readBody(req, config.maxEventBytes, place, rejection);
      const idempotencyKey = idempotencyKeyOf(req);
      const [result] = await publisher.publish(
        [{ channel, event, data, key, idempotencyKey }],
        traceHeadersOf(req.headers),
      );
      if (result === undefined || result instanceof Error) throw result;
      return result;
    } finally {
      place?.leave();
    }
  }

  /** `POST /events`: many events in one request, as JSON or NDJSON, with one result each. */
  async function batch(req: IncomingMessage, target: RequestTarget): Promise<(Published | Error)[]> {
    const place = admission.enter();
    try {
      const verdict = await admission.judge(req, place);
      const rejection = verdict.rejection ?? queryFault(target, []);
      const body = await readBody(req, config.maxBatchBytes, place, rejection);
      const events = parseBatch(body, req.headers['content-type'], config.maxBatchEvents);
      verdict.count(events.length - 1);
      const judged = events.map((event) =>
        event instanceof GatewayError
          ? event
          : (verdict.channelFault(event.channel) ?? addressFault(event.channel, event.event) ?? event),
      );
      return await publisher.publish(judged, traceHeadersOf(req.headers));
    } finally {
      place?.leave();
    }
  }

  function route<Result>(
    publish: (req: IncomingMessage, target: RequestTarget) => Promise<Result>,
    answer: (res: ServerResponse, result: Result, corsHeaders: Readonly<Record<string, string>>) => void,
  ): IngestRoute {
    return {
      async handle(req, res, target) {
        const result = await publish(req, target).catch((thrown: unknown) => {
          // The rest of the body would be taken for the next request.
          if (!req.complete) res.setHeader('Connection', 'close');
          throw thrown;
        });
        answer(res, result, cors.headersFor(req.headers.origin));
      },
      onRequest(res) {
        const startMs = performance.now();
        res.once('close', () => {
          requests[res.writableFinished ? res.statusCode : ABORTED]!++;
          onDone(performance.now() - startMs);
        });
      },
      onRejected,
      disabled: config.enabled ? null : 'this gateway is read-only (INGEST=off)',
    };
  }

  return {
    broadcast: route(broadcast, (res, published, headers) => sendJson(res, 202, published, headers)),
    batch: route(batch, answerBatch),
    requests,
  };
}

/** 202 when all were stored, 207 when some were, else the problem that they share, or 422 when each has its own. */
function answerBatch(
  res: ServerResponse,
  results: readonly (Published | Error)[],
  corsHeaders: Readonly<Record<string, string>>,
): void {
  const entries = results.map(resultOf);
  const failed = results.filter((result) => result instanceof Error).map(asGatewayError);
  if (failed.length < results.length) {
    sendJson(res, failed.length === 0 ? 202 : 207, { results: entries }, corsHeaders);
    return;
  }
  // An event that might be stored on another try makes the whole batch worth another try.
  const retryable = failed.find(({ httpStatus }) => httpStatus === 503);
  const [first] = failed;
  const shared = failed.every(({ code }) => code === first?.code && SHARED.has(code)) ? first : null;
  const code = retryable?.code ?? shared?.code ?? 'invalid-envelope';
  const message =
    retryable?.message ??
    shared?.message ??
    `none of the events is valid, the first because ${first?.message}`;
  sendProblem(res, new GatewayError(code, message, { details: { results: entries } }), corsHeaders);
}

function resultOf(result: Published | Error): object {
  if (!(result instanceof Error)) {
    // Field by field: a spread takes several times longer. JSON leaves an undefined id out.
    const { topic, partition, offset, channel, id } = result;
    return { status: 202, topic, partition, offset, channel, id };
  }
  const { httpStatus, code, message, details } = asGatewayError(result);
  return { status: httpStatus, code, detail: message, ...details };
}

function sendJson(
  res: ServerResponse,
  status: number,
  answer: object,
  headers: Readonly<Record<string, string>>,
): void {
  const body = Buffer.from(JSON.stringify(answer));
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length, ...headers });
  res.end(body);
}

function idempotencyKeyOf(req: IncomingMessage): string | null {
  const key = req.headers['idempotency-key'];
  return typeof key === 'string' && key !== '' ? key : null;
}
