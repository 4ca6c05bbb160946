import { isUtf8 } from 'node:buffer';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config';
import { GatewayError } from '../errors';
import type { EventLog } from '../eventlog/event-log';
import { isReservedEventName, recordOf } from '../events/record-event';
import type { TopicMap } from '../events/topic-map';
import type { Cors } from '../http/cors';
import { sendProblem } from '../http/problem';
import { decodeOnce, type RequestTarget } from '../http/request-target';
import type { DirectRoute } from '../http/server';
import { channelFault, ROOT_CHANNEL } from '../hub/channel';
import { lineFault } from '../sse/frame';
import { readBody } from './body';

export interface BroadcastRouteDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly cors: Cors;
  readonly config: Config['ingest'];
  /** The id after a record, when the log has one partition in all. */
  readonly idAfter: (offset: bigint) => string | null;
  /** Why nothing can be taken now, or null. */
  readonly refusal: () => GatewayError | null;
}

const PATH = '/broadcast';
const MAX_EVENT_NAME_BYTES = 255;

/**
 * `POST /broadcast[/<channel>]`: the body becomes one event, verbatim. Answers 202 once the log has it. Served without
 * Express: see docs/decisions/0003-http-in-two-halves.md for the measurement.
 */
export function createBroadcastRoute(deps: BroadcastRouteDeps): DirectRoute {
  const { log, topics, cors, config } = deps;

  function idempotencyKeyOf(req: IncomingMessage): string | null {
    const key = req.headers['idempotency-key'];
    return typeof key === 'string' && key !== '' ? key : null;
  }

  async function accept(req: IncomingMessage, target: RequestTarget): Promise<object> {
    const channel = decodeOnce(target.path.slice(PATH.length), 'channel');
    const event = target.query.first('event');
    const key = target.query.first('key');
    // The whole request is judged before the body is read, but answered after: see readBody.
    const fault = faultOf(channel || ROOT_CHANNEL, event) ?? encodingFault(req) ?? deps.refusal();
    const data = await readBody(req, config.maxEventBytes);
    if (fault !== null) throw fault;
    if (!isUtf8(data))
      throw new GatewayError('not-utf8', 'the body is not UTF-8', { details: { field: 'body' } });
    const record = recordOf(
      {
        channel: channel || ROOT_CHANNEL,
        event: event || null,
        data,
        key,
        idempotencyKey: idempotencyKeyOf(req),
      },
      topics,
    );
    if (record === null) {
      throw new GatewayError('bad-channel', `no topic is served under ${channel || ROOT_CHANNEL}`, {
        details: { field: 'channel' },
      });
    }
    const [result] = await log.append([record]);
    if (result === undefined) throw new Error('the log gave no result for a record');
    if (!result.ok) throw result.error;
    const { topic, partition, offset } = result;
    const id = deps.idAfter(offset);
    return {
      topic,
      partition,
      offset: String(offset),
      channel: channel || ROOT_CHANNEL,
      ...(id === null ? {} : { id }),
    };
  }

  return {
    owns: (path) => path === PATH || path.startsWith(`${PATH}/`),

    handle(req, res, target) {
      const corsHeaders = cors.headersFor(req.headers.origin);
      if (req.method !== 'POST' || !config.enabled) {
        const allow = config.enabled ? 'POST, OPTIONS' : 'OPTIONS';
        throw new GatewayError(
          'method-not-allowed',
          config.enabled ? `${PATH} takes POST` : 'this gateway is read-only (INGEST=off)',
          { details: { allow } },
        );
      }
      accept(req, target).then(
        (answer) => sendAccepted(res, answer, corsHeaders),
        (error) => {
          if (req.complete) sendProblem(res, error, corsHeaders);
          else sendProblem(res, error, { ...corsHeaders, Connection: 'close' });
        },
      );
    },
  };
}

function faultOf(channel: string, event: string | null): GatewayError | null {
  const channelWrong = channelFault(channel);
  if (channelWrong !== null)
    return new GatewayError('bad-channel', `channel ${channelWrong}`, { details: { field: 'channel' } });
  const wrong = event === null ? null : eventNameFault(event);
  return wrong === null
    ? null
    : new GatewayError('bad-event-name', `event ${wrong}`, { details: { field: 'event' } });
}

/** Why a publisher may not use this event name, or null. */
function eventNameFault(name: string): string | null {
  if (isReservedEventName(name)) return 'must not be "open", "error" or begin with "gateway."';
  if (Buffer.byteLength(name) > MAX_EVENT_NAME_BYTES) return `must not be over ${MAX_EVENT_NAME_BYTES} bytes`;
  return lineFault(name);
}

function encodingFault(req: IncomingMessage): GatewayError | null {
  const encoding = req.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return null;
  return new GatewayError('unsupported-media-type', `Content-Encoding ${encoding} is not supported`, {
    details: { field: 'Content-Encoding' },
  });
}

function sendAccepted(
  res: ServerResponse,
  answer: object,
  corsHeaders: Readonly<Record<string, string>>,
): void {
  const body = Buffer.from(JSON.stringify(answer));
  res.writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': body.length, ...corsHeaders });
  res.end(body);
}
