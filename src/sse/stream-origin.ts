import type { IncomingMessage } from 'node:http';

/** Who opened a stream and how: what an operator wants to see of it. */
export interface StreamOrigin {
  /** Null when the request was given none. */
  readonly requestId: string | null;
  /** As sent, without the query. */
  readonly requestPath: string;
  readonly clientIp: string;
  /** Empty when the client did not say. */
  readonly userAgent: string;
}

/** A client chooses how long these are, and each is kept for as long as the stream is open. */
const MAX_TEXT_LENGTH = 200;

export function streamOriginOf(
  req: IncomingMessage,
  path: string,
  clientIp: string,
  requestId: string | null,
): StreamOrigin {
  return {
    requestId,
    requestPath: ownCopy(path),
    clientIp: ownCopy(clientIp),
    userAgent: ownCopy(req.headers['user-agent'] ?? ''),
  };
}

/** A part of a string refers to the whole of it, which would stay in memory too. Heads are latin1. */
function ownCopy(text: string): string {
  return Buffer.from(text.slice(0, MAX_TEXT_LENGTH), 'latin1').toString('latin1');
}
