import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { asGatewayError, type GatewayError } from '../errors';
import { requestIdOf } from './request-id';

/** Seconds that a client is told to stay away: spread, so that those who were refused together do not come back so. */
const RETRY_AFTER_MIN_S = 1;
const RETRY_AFTER_MAX_S = 5;

/** Hears of each problem that is answered instead of what was asked for, before it is sent. */
export type OnRefused = (error: GatewayError, res: ServerResponse) => void;

/** Answers with problem JSON (RFC 9457): `type`, `title`, `status`, `detail`, the stable `code`, the request's id, and the error's details. */
export function sendProblem(
  res: ServerResponse,
  thrown: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  const error = asGatewayError(thrown);
  const status = error.httpStatus;
  const requestId = requestIdOf(res);
  const body = Buffer.from(
    JSON.stringify({
      type: 'about:blank',
      title: STATUS_CODES[status],
      status,
      detail: error.message,
      code: error.code,
      ...(requestId === null ? {} : { requestId }),
      ...error.details,
    }),
  );
  if (status === 503 || status === 429)
    res.setHeader('Retry-After', Number(error.details.retryAfterSeconds ?? retryAfterSeconds()));
  // RFC 9110 §11.6.1: a 401 always says how to do better.
  if (status === 401) res.setHeader('WWW-Authenticate', challengeOf(error));
  // Whoever keeps the connection would send the next request to a process that is about to end.
  if (error.code === 'draining') res.setHeader('Connection', 'close');
  if (error.details.allow !== undefined) res.setHeader('Allow', String(error.details.allow));
  res.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  res.end(body);
}

/** RFC 6750 §3: no error without a token. */
function challengeOf({ details }: GatewayError): string {
  return details.reason === undefined ? 'Bearer' : 'Bearer error="invalid_token"';
}

function retryAfterSeconds(): number {
  return RETRY_AFTER_MIN_S + Math.floor(Math.random() * (RETRY_AFTER_MAX_S - RETRY_AFTER_MIN_S + 1));
}
