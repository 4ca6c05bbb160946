import type { IncomingMessage } from 'node:http';
import type { CorsHeaders } from '../http/cors';
import { REQUEST_ID_HEADER } from '../http/request-id';

/** The head's two lines that each document of the contract wants in its own form. */
export interface StreamKind {
  readonly contentType: string;
  readonly cacheControl: string;
}

const EVENTS: StreamKind = {
  contentType: 'text/event-stream;charset=utf-8',
  cacheControl: 'no-cache, no-transform',
};
export const SSE: StreamKind = { contentType: 'text/event-stream', cacheControl: 'no-cache' };
const SUBSCRIBE: StreamKind = { contentType: 'text/event-stream; charset=utf-8', cacheControl: 'no-cache' };

/** @param path of a stream */
export function streamKindOf(path: string): StreamKind {
  if (path === '/events') return EVENTS;
  return path === '/sse' ? SSE : SUBSCRIBE;
}

/** The head of the answer that a stream is. */
export interface StreamHead {
  readonly text: string;
  /** What follows it is chunked. */
  readonly chunked: boolean;
}

/**
 * Written by hand: the stream is written to the socket directly, so the answer's own machinery must not be in use.
 * @param requestId null: none
 */
export function streamHeadOf(
  req: Pick<IncomingMessage, 'httpVersion' | 'headers'>,
  { contentType, cacheControl }: StreamKind,
  requestId: string | null,
  corsHeaders: CorsHeaders,
): StreamHead {
  const chunked = req.httpVersion === '1.1' && !/\bclose\b/i.test(req.headers.connection ?? '');
  let text =
    `HTTP/1.1 200 OK\r\nContent-Type: ${contentType}\r\nCache-Control: ${cacheControl}\r\n` +
    `Connection: keep-alive\r\nX-Accel-Buffering: no\r\nDate: ${new Date().toUTCString()}\r\n`;
  if (requestId !== null) text += `${REQUEST_ID_HEADER}: ${requestId}\r\n`;
  for (const [name, value] of Object.entries(corsHeaders)) text += `${name}: ${value}\r\n`;
  // Without it the body ends with the connection (RFC 9112 §6.3), whatever the Connection line says.
  if (chunked) text += 'Transfer-Encoding: chunked\r\n';
  return { text: `${text}\r\n`, chunked };
}
