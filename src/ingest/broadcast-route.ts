import type { IncomingMessage } from 'node:http';
import type { Config } from '../config';
import { GatewayError } from '../errors';
import type { Cors } from '../http/cors';
import type { DirectRoute } from '../http/direct-route';
import type { OnRejected } from '../http/problem';
import { decodeOnce, queryFault, type RequestTarget } from '../http/request-target';
import { methodNotAllowed } from '../http/route-errors';
import { ROOT_CHANNEL } from '../wire/channel';
import { sendAccepted } from './accepted';
import type { IngestAdmission } from './ingest-admission';
import { addressFault, type Published, type Publisher } from './publisher';
import { sendRefused } from './refused';
import { traceHeadersOf } from './trace-context';

export interface IngestRouteDeps {
  readonly publisher: Publisher;
  readonly cors: Cors;
  readonly config: Config['ingest'];
  readonly admission: IngestAdmission;
  readonly onRejected: OnRejected;
}

const PATH = '/broadcast';

/**
 * `POST /broadcast[/<channel>]`: the body becomes one event, verbatim. Answers 202 once the log has it. Served without
 * Express: see docs/decisions/0003-http-in-two-halves.md for the measurement.
 */
export function createBroadcastRoute({
  publisher,
  cors,
  config,
  admission,
  onRejected,
}: IngestRouteDeps): DirectRoute {
  async function accept(req: IncomingMessage, target: RequestTarget): Promise<Published> {
    const channel = decodeOnce(target.path.slice(PATH.length), 'channel') || ROOT_CHANNEL;
    const event = target.query.first('event');
    const key = target.query.first('key');
    return admission.accept(
      req,
      config.maxEventBytes,
      (admitted) =>
        queryFault(target, ['event', 'key']) ??
        addressFault(channel, event) ??
        admitted.channelFault(channel),
      async (data) => {
        const [result] = await publisher.publish(
          [{ channel, event, data, key, idempotencyKey: idempotencyKeyOf(req) }],
          traceHeadersOf(req.headers),
        );
        if (result === undefined || result instanceof Error) throw result;
        return result;
      },
    );
  }

  return {
    owns: (path) => path === PATH || path.startsWith(`${PATH}/`),

    handle(req, res, target) {
      if (req.method !== 'POST' || !config.enabled) {
        if (config.enabled) throw methodNotAllowed(PATH, req.method, 'POST, OPTIONS');
        throw new GatewayError('method-not-allowed', 'this gateway is read-only (INGEST=off)', {
          details: { allow: 'OPTIONS' },
        });
      }
      const corsHeaders = cors.headersFor(req.headers.origin);
      accept(req, target).then(
        (published) => sendAccepted(res, 202, published, corsHeaders),
        (thrown: unknown) => sendRefused(req, res, thrown, corsHeaders, onRejected),
      );
    },
  };
}

function idempotencyKeyOf(req: IncomingMessage): string | null {
  const key = req.headers['idempotency-key'];
  return typeof key === 'string' && key !== '' ? key : null;
}
