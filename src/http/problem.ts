import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import { asGatewayError, type CountedCode, codesCountedIn, type GatewayError } from '../errors';
import type { Logger } from '../logger';
import { requestIdOf } from './request-id';
import { parseTarget } from './request-target';

/** `Retry-After` in seconds, with jitter: clients that were rejected together do not retry together. */
const RETRY_AFTER_MIN_S = 1;
const RETRY_AFTER_MAX_S = 5;

/** Rejected before there was a request to answer. */
const CONNECTION_REJECTIONS = ['too-many-connections', 'head-too-large', 'head-too-slow'] as const;

/** How often requests and connections were rejected since the start, by reason. */
export type RejectionCounts = Record<
  CountedCode<'requests'> | (typeof CONNECTION_REJECTIONS)[number],
  number
>;

export function createRejectionCounts(): RejectionCounts {
  const reasons = [...codesCountedIn('requests'), ...CONNECTION_REJECTIONS];
  return Object.fromEntries(reasons.map((reason) => [reason, 0])) as RejectionCounts;
}

/** Called with each problem that is answered instead of what was asked for, before it is sent. */
export type OnRejected = (error: GatewayError, res: ServerResponse) => void;

export function countRejected(counts: RejectionCounts, { code }: GatewayError): void {
  if (code in counts) counts[code as CountedCode<'requests'>]++;
}

/** Counts rejected requests, and logs those that were rejected by a defect. */
export function createOnRejected(counts: RejectionCounts, logger: Logger): OnRejected {
  return (error, res) => {
    countRejected(counts, error);
    logDefect(logger, error, res);
  };
}

/**
 * Logs why a request failed when that is a defect of the gateway, under the id that its client got. Faults of clients
 * are answered and counted, but not logged. Without the query: it holds whatever clients write there, secrets too.
 */
export function logDefect(logger: Logger, { code, cause }: GatewayError, res: ServerResponse): void {
  if (code !== 'internal') return;
  const { path } = parseTarget(res.req.url ?? '/');
  logger.error({ err: cause, path, requestId: requestIdOf(res) }, 'Request failed');
}

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
  // RFC 9110 §11.6.1: every 401 says how to authenticate.
  if (status === 401) res.setHeader('WWW-Authenticate', challengeOf(error));
  // On a connection that stays open the next request would come to a gateway that is about to end.
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
