import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Names a request in the answer, in problem documents and in the log. */
export const REQUEST_ID_HEADER = 'X-Request-ID';

/** Short, and safe in logs and headers. */
const ACCEPTABLE = /^[\w-]{8,64}$/;

/** Sets the id that the client or a proxy sent, if it is acceptable, else a random one. */
export function nameRequest(req: IncomingMessage, res: ServerResponse): void {
  const given = req.headers['x-request-id'];
  res.setHeader(
    REQUEST_ID_HEADER,
    typeof given === 'string' && ACCEPTABLE.test(given) ? given : randomUUID(),
  );
}

/** The id of the request of this answer; null before it was set. */
export function requestIdOf(res: ServerResponse): string | null {
  const id = res.getHeader(REQUEST_ID_HEADER);
  return typeof id === 'string' ? id : null;
}
