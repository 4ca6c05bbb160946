/**
 * The closed set of what can go wrong, and the one table from there to HTTP. `code` is stable: it is in every
 * problem document (RFC 9457) and clients may rely on it; the message may change.
 */
const HTTP_STATUS = {
  'bad-request': 400,
  'bad-json': 400,
  'bad-event-name': 400,
  'bad-channel': 400,
  'bad-cursor': 400,
  'not-utf8': 400,
  unauthorized: 401,
  forbidden: 403,
  'topic-forbidden': 403,
  'not-found': 404,
  'unknown-topic': 404,
  'method-not-allowed': 405,
  'cursor-expired': 412,
  'event-too-large': 413,
  'unsupported-media-type': 415,
  'invalid-envelope': 422,
  'event-refused': 422,
  'rate-limited': 429,
  internal: 500,
  'log-unavailable': 503,
  'outcome-unknown': 503,
  'too-many-in-flight': 503,
  'auth-unavailable': 503,
  'too-many-streams': 503,
  'too-many-streams-per-ip': 503,
  'too-many-subscriptions': 503,
  'too-many-connects': 503,
  draining: 503,
  'offset-out-of-range': 500,
} as const;

export type ErrorCode = keyof typeof HTTP_STATUS;

/** Every status that an error may have. */
export const ERROR_STATUSES: readonly number[] = [...new Set(Object.values(HTTP_STATUS))];

export class GatewayError extends Error {
  readonly code: ErrorCode;
  /** Further members of the problem document, such as `field` or `allow`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.details = options.details ?? {};
  }

  get httpStatus(): number {
    return HTTP_STATUS[this.code];
  }
}

/** Any thrown value as a GatewayError; what is not one already is `internal`, with the original as its cause. */
export function asGatewayError(thrown: unknown): GatewayError {
  return thrown instanceof GatewayError
    ? thrown
    : new GatewayError('internal', 'the gateway failed at this request; its log says why', { cause: thrown });
}
