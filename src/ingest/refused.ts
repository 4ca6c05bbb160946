import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError } from '../errors';
import { type OnRefused, sendProblem } from '../http/problem';

/** Answers a publisher with what went wrong, once `onRefused` has heard of it. */
export function sendRefused(
  req: IncomingMessage,
  res: ServerResponse,
  thrown: unknown,
  headers: Readonly<Record<string, string>>,
  onRefused: OnRefused,
): void {
  const error = asGatewayError(thrown);
  onRefused(error, res);
  // What was not read of the body would be taken for the next request.
  sendProblem(res, error, req.complete ? headers : { ...headers, Connection: 'close' });
}
