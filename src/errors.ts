/** In which metric requests that end with an error are counted by its code: `streams_rejected_total`, `requests_rejected_total` or both. */
type RejectionMetric = 'streams' | 'requests' | 'both';

interface ErrorKind {
  readonly status: number;
  readonly counted?: RejectionMetric;
  /** Used where the error is created without a message. */
  readonly message?: string;
}

/** Every error there is. The code is stable: clients may rely on it in problem documents. The message may change. */
const ERRORS = {
  'bad-request': { status: 400, counted: 'streams' },
  'bad-json': { status: 400 },
  'bad-event-name': { status: 400, counted: 'streams' },
  'bad-channel': { status: 400, counted: 'streams' },
  'bad-cursor': { status: 400, counted: 'streams' },
  'not-utf8': { status: 400 },
  unauthorized: { status: 401, counted: 'both' },
  forbidden: { status: 403, counted: 'both' },
  'topic-forbidden': { status: 403 },
  'not-found': { status: 404 },
  'unknown-topic': { status: 404 },
  'method-not-allowed': { status: 405, counted: 'streams' },
  'not-publishable': { status: 409 },
  'cursor-expired': { status: 412, counted: 'streams' },
  'event-too-large': { status: 413 },
  'unsupported-media-type': { status: 415 },
  'invalid-envelope': { status: 422 },
  'event-rejected': { status: 422 },
  'rate-limited': { status: 429, counted: 'requests' },
  internal: {
    status: 500,
    counted: 'streams',
    message: 'the request failed by a defect of the gateway, which has logged it',
  },
  'offset-out-of-range': { status: 500 },
  'log-unavailable': { status: 503, message: 'Kafka cannot be reached at the moment' },
  'outcome-unknown': { status: 503 },
  'too-many-in-flight': {
    status: 503,
    counted: 'requests',
    message: 'too many events are on their way to the event log; try again later',
  },
  'auth-unavailable': {
    status: 503,
    counted: 'both',
    message: 'tokens cannot be verified now; try again later',
  },
  'too-many-streams': { status: 503, counted: 'both' },
  'too-many-streams-per-ip': { status: 503, counted: 'both' },
  'too-many-subscriptions': { status: 503, counted: 'both' },
  'too-many-connects': { status: 503, counted: 'both' },
  draining: { status: 503, counted: 'both', message: 'this gateway is shutting down; try again' },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

type CodesWith<Kind> = {
  [Code in ErrorCode]: (typeof ERRORS)[Code] extends Kind ? Code : never;
}[ErrorCode];

/** Codes with a message that fits wherever the error occurs. */
type CodeWithMessage = CodesWith<{ message: string }>;

export type CountedCode<Metric extends 'streams' | 'requests'> = CodesWith<{ counted: Metric | 'both' }>;

export const ERROR_STATUSES: readonly number[] = [
  ...new Set(Object.values(ERRORS).map(({ status }) => status)),
];

export function codesCountedIn<Metric extends 'streams' | 'requests'>(
  metric: Metric,
): readonly CountedCode<Metric>[] {
  const kinds = Object.entries<ErrorKind>(ERRORS);
  const counted = kinds.filter(([, kind]) => kind.counted === metric || kind.counted === 'both');
  return counted.map(([code]) => code as CountedCode<Metric>);
}

interface GatewayErrorOptions {
  readonly cause?: unknown;
  readonly details?: Record<string, unknown>;
}

export class GatewayError extends Error {
  readonly code: ErrorCode;
  /** Further members of the problem document, such as `field` or `allow`. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options?: GatewayErrorOptions);
  constructor(code: CodeWithMessage, message?: undefined, options?: GatewayErrorOptions);
  constructor(code: ErrorCode, message?: string, { cause, details = {} }: GatewayErrorOptions = {}) {
    const { message: usual }: ErrorKind = ERRORS[code];
    super(message ?? usual, cause === undefined ? undefined : { cause });
    this.name = 'GatewayError';
    this.code = code;
    this.details = details;
  }

  get httpStatus(): number {
    return ERRORS[this.code].status;
  }
}

/** An error in one field of a request, which the problem document names. */
export function fieldError(code: ErrorCode, field: string, message: string): GatewayError {
  return new GatewayError(code, message, { details: { field } });
}

/** Any thrown value as a GatewayError; what is not one already is `internal`, with the original as its cause. */
export function asGatewayError(thrown: unknown): GatewayError {
  return thrown instanceof GatewayError ? thrown : new GatewayError('internal', undefined, { cause: thrown });
}
