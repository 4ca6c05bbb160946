import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Config } from '../config';
import { GatewayError } from '../errors';
import type { Cors } from '../http/cors';
import { sendProblem } from '../http/problem';
import { decodeOnce, type RequestTarget } from '../http/request-target';
import { channelFault, ROOT_CHANNEL } from '../hub/channel';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import { createSubscription } from '../hub/subscription';
import { encodeStart, OPENING } from './frame';
import type { OpenStreams } from './open-streams';
import { SseStream } from './sse-stream';

export interface StreamRouteDeps {
  readonly hub: Hub;
  readonly streams: OpenStreams;
  readonly cors: Cors;
  readonly config: Config['streams'];
  readonly idOf: (positions: Positions) => string | null;
  /** Why no stream can be opened now, or null. */
  readonly refusal: () => GatewayError | null;
}

export interface StreamRoute {
  /** True when a stream is written to this socket, so that nothing else may be. */
  holds(socket: Socket): boolean;
  /** True for the paths of streams, whatever the method. */
  owns(path: string): boolean;
  handle(req: IncomingMessage, res: ServerResponse, target: RequestTarget): void;
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
const SUBSCRIBE_PATH = '/subscribe';

/** `GET /events`, `/sse` and `/subscribe/<channel>`: opens event streams. Not part of Express: see docs/decisions/. */
export function createStreamRoute(deps: StreamRouteDeps): StreamRoute {
  const { hub, streams, cors, config } = deps;
  const held = new WeakSet<Socket>();

  function retryMs(): number {
    return config.retryMinMs + Math.floor(Math.random() * (config.retryMaxMs - config.retryMinMs + 1));
  }

  function channelsOf({ path, query }: RequestTarget): string[] {
    if (path === '/sse') return [ROOT_CHANNEL];
    if (path !== '/events')
      return [checked(decodeOnce(path.slice(SUBSCRIBE_PATH.length) || ROOT_CHANNEL, 'channel'))];
    const asked = query.all('channel');
    if (asked.length > config.maxChannels) {
      throw new GatewayError('bad-channel', `channel is given over ${config.maxChannels} times`, {
        details: { field: 'channel' },
      });
    }
    return asked.length === 0 ? [ROOT_CHANNEL] : asked.map(checked);
  }

  /** What a stream answers for now is not the client's fault: a browser would give up for good on any status but 200. */
  function refuse(req: IncomingMessage, res: ServerResponse, refusal: GatewayError): void {
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

  function open(req: IncomingMessage, kind: StreamKind, channels: readonly string[]): void {
    const { socket } = req;
    if (socket.destroyed) return;
    held.add(socket);
    const chunked = req.httpVersion === '1.1' && req.headers.connection?.toLowerCase() !== 'close';
    const head = headOf(kind, chunked, cors.headersFor(req.headers.origin));
    if (req.method === 'HEAD') {
      socket.end(head);
      return;
    }
    const stream = new SseStream({
      socket,
      chunked,
      maxBufferBytes: config.maxClientBufferBytes,
      onDrained: ({ subscriber }) => subscriber !== null && hub.drained(subscriber),
      onClose: (closed, reason) => {
        streams.remove(closed, reason);
        if (closed.subscriber !== null) hub.unsubscribe(closed.subscriber);
      },
    });
    streams.add(stream);
    stream.open(head, OPENING + encodeStart(retryMs(), deps.idOf(hub.ring.positions)));
    stream.subscriber = hub.subscribe(createSubscription(channels), stream);
    // Whatever else the client sends is read and dropped, so that its end is seen.
    req.resume();
  }

  return {
    holds: (socket) => held.has(socket),
    owns: (path) =>
      path === '/events' ||
      path === '/sse' ||
      path === SUBSCRIBE_PATH ||
      path.startsWith(`${SUBSCRIBE_PATH}/`),

    handle(req, res, target) {
      if (req.method !== 'GET' && req.method !== 'HEAD') {
        throw new GatewayError('method-not-allowed', `${target.path} takes GET`, {
          details: { allow: 'GET, HEAD, OPTIONS' },
        });
      }
      const kind = target.path === '/events' ? EVENTS : target.path === '/sse' ? SSE : SUBSCRIBE;
      const channels = channelsOf(target);
      const refusal = deps.refusal();
      if (refusal !== null) refuse(req, res, refusal);
      // A pipelined request has its answer's place on the socket only when those before it are through.
      else if (res.socket === null) res.once('socket', () => open(req, kind, channels));
      else open(req, kind, channels);
    },
  };
}

function checked(channel: string): string {
  const fault = channelFault(channel);
  if (fault !== null)
    throw new GatewayError('bad-channel', `channel ${fault}`, { details: { field: 'channel' } });
  return channel;
}

/** Written by hand: the stream is written to the socket directly, so the answer's own machinery must not be in use. */
function headOf(kind: StreamKind, chunked: boolean, corsHeaders: Readonly<Record<string, string>>): string {
  let head =
    `HTTP/1.1 200 OK\r\nContent-Type: ${kind.contentType}\r\nCache-Control: ${kind.cacheControl}\r\n` +
    `Connection: keep-alive\r\nX-Accel-Buffering: no\r\nDate: ${new Date().toUTCString()}\r\n`;
  for (const [name, value] of Object.entries(corsHeaders)) head += `${name}: ${value}\r\n`;
  // Without it the body ends with the connection (RFC 9112 §6.3), whatever the Connection line says.
  if (chunked) head += 'Transfer-Encoding: chunked\r\n';
  return `${head}\r\n`;
}
