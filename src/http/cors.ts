/** Headers for one answer; empty for an origin that may not read. */
export type CorsHeaders = Readonly<Record<string, string>>;

export interface Cors {
  /** @param origin the request's `Origin`, undefined when it has none */
  headersFor(origin: string | undefined): CorsHeaders;
  /** Headers of the answer to a preflight request. */
  preflightHeadersFor(origin: string | undefined): CorsHeaders;
}

/** Headers that pages of other origins may read besides the safelisted ones (Fetch standard §2.2.2). */
const EXPOSED: CorsHeaders = { 'Access-Control-Expose-Headers': 'Retry-After, X-Request-ID' };

const PREFLIGHT: CorsHeaders = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, OPTIONS',
  'Access-Control-Allow-Headers':
    'Authorization, Cache-Control, Content-Type, Idempotency-Key, Last-Event-ID, traceparent, tracestate, X-Api-Key, X-Request-ID',
  'Access-Control-Max-Age': '86400',
};

/** @param origins exact origins that may read, with credentials; empty: any, without them (Fetch standard §3.2.5) */
export function createCors(origins: readonly string[]): Cors {
  const allowed = new Set(origins);
  const anyone: CorsHeaders = { 'Access-Control-Allow-Origin': '*', ...EXPOSED };

  function headersFor(origin: string | undefined): CorsHeaders {
    if (allowed.size === 0) return anyone;
    // `Vary` for other origins too: a cache must not give this answer to an allowed one.
    if (origin === undefined || !allowed.has(origin)) return { Vary: 'Origin' };
    return {
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Allow-Credentials': 'true',
      ...EXPOSED,
      Vary: 'Origin',
    };
  }

  return {
    headersFor,
    preflightHeadersFor: (origin) => ({ ...headersFor(origin), ...PREFLIGHT }),
  };
}
