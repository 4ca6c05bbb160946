import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Names a request in the answer, in problem documents and in the log. */
export const REQUEST_ID_HEADER = 'X-Request-ID';

/** Short, and with nothing in it that a log or a header could stumble over. */
const ACCEPTABLE = /^[\w-]{8,64}$/;

/** Puts into the answer the id that the client or a proxy gave, when it is an acceptable one, else a random one. */
export function nameRequest(req: IncomingMessage, res: ServerResponse): void {
  const given = req.headers['x-request-id'];
  res.setHeader(
    REQUEST_ID_HEADER,
    typeof given === 'string' && ACCEPTABLE.test(given) ? given : randomUUID(),
  );
}

/** The id of the request that is answered here; null when it was given none. */
export function requestIdOf(res: ServerResponse): string | null {
  const id = res.getHeader(REQUEST_ID_HEADER);
  return typeof id === 'string' ? id : null;
}
