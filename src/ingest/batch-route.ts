import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError, type ErrorCode, GatewayError } from '../errors';
import type { DirectRoute } from '../http/direct-route';
import { sendProblem } from '../http/problem';
import type { RequestTarget } from '../http/request-target';
import { queryFault } from '../http/request-target';
import { sendAccepted } from './accepted';
import { parseBatch } from './batch';
import type { IngestRouteDeps } from './broadcast-route';
import type { Published } from './publisher';
import { sendRefused } from './refused';
import { traceHeadersOf } from './trace-context';

const PATH = '/events';
/** What refuses a whole batch for the same reason, and not for what its events are. */
const SHARED = new Set<ErrorCode>(['forbidden', 'topic-forbidden', 'unknown-topic']);

/** `POST /events`: many events in one request, as JSON or NDJSON, with one result each. */
export function createBatchRoute({
  publisher,
  cors,
  config,
  admission,
  onRejected,
}: IngestRouteDeps): DirectRoute {
  function accept(req: IncomingMessage, target: RequestTarget): Promise<(Published | Error)[]> {
    return admission.accept(
      req,
      config.maxBatchBytes,
      // Channel, name and key are each event's own.
      () => queryFault(target, []),
      async (body, admitted) => {
        const events = parseBatch(body, req.headers['content-type'], config.maxBatchEvents);
        if (events.length === 0)
          throw new GatewayError(
            'invalid-envelope',
            'the batch has no events; send an object, an array or lines of them',
          );
        admitted.count(events.length - 1);
        return publisher.publish(
          events.map((event) =>
            event instanceof GatewayError ? event : (admitted.channelFault(event.channel) ?? event),
          ),
          traceHeadersOf(req.headers),
        );
      },
    );
  }

  return {
    owns: (path, method) => path === PATH && method === 'POST' && config.enabled,

    handle(req, res, target) {
      const corsHeaders = cors.headersFor(req.headers.origin);
      accept(req, target).then(
        (results) => answer(res, results, corsHeaders),
        (thrown: unknown) => sendRefused(req, res, thrown, corsHeaders, onRejected),
      );
    },
  };
}

/** 202 when all were stored, 207 when some were, else the problem that they share, or 422 when each has its own. */
function answer(
  res: ServerResponse,
  results: readonly (Published | Error)[],
  corsHeaders: Readonly<Record<string, string>>,
): void {
  const entries = results.map(resultOf);
  const failed = results.filter((result) => result instanceof Error).map(asGatewayError);
  if (failed.length === 0) sendAccepted(res, 202, { results: entries }, corsHeaders);
  else if (failed.length < results.length) sendAccepted(res, 207, { results: entries }, corsHeaders);
  else {
    // An event that might be stored on another try makes the whole batch worth another try.
    const retryable = failed.find(({ httpStatus }) => httpStatus === 503);
    const [first] = failed;
    const shared = failed.every(({ code }) => code === first?.code && SHARED.has(code)) ? first : null;
    const code = retryable?.code ?? shared?.code ?? 'invalid-envelope';
    const message =
      retryable?.message ??
      shared?.message ??
      `none of the events is valid, the first because ${failed[0]?.message}`;
    sendProblem(res, new GatewayError(code, message, { details: { results: entries } }), corsHeaders);
  }
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
