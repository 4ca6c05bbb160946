import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError } from '../errors';
import { type OnRejected, sendProblem } from '../http/problem';

/** Answers a publisher with what went wrong, once `onRejected` has heard of it. */
export function sendRefused(
  req: IncomingMessage,
  res: ServerResponse,
  thrown: unknown,
  headers: Readonly<Record<string, string>>,
  onRejected: OnRejected,
): void {
  const error = asGatewayError(thrown);
  onRejected(error, res);
  // What was not read of the body would be taken for the next request.
  sendProblem(res, error, req.complete ? headers : { ...headers, Connection: 'close' });
}
