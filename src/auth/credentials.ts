import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** SHA-256 of a secret: what is kept and compared, so that every comparison is of the same length. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** RFC 6750 §2.1; null without one, also with another scheme, such as the one that browsers send to `/admin/`. */
export function bearerOf(req: IncomingMessage): string | null {
  return /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(req.headers.authorization ?? '')?.[1] ?? null;
}

/** The header `X-Api-Key`, for clients whose `Authorization` is meant for something else; null without one. */
export function apiKeyOf(req: IncomingMessage): string | null {
  const key = req.headers['x-api-key'];
  return typeof key === 'string' && key !== '' ? key : null;
}

/** The first cookie of this name (RFC 6265 §4.2), without quotes; null without one. */
export function cookieOf(req: IncomingMessage, name: string): string | null {
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    return /^"(.*)"$/.exec(value)?.[1] ?? value;
  }
  return null;
}

export interface Token {
  readonly text: string;
  /** True: browsers send it with requests that other sites cause too (CSRF). */
  readonly isCookie: boolean;
}

/** The header before the cookie, which browsers send unasked. @param cookie the cookie's name; null: only the header counts */
export function tokenOf(req: IncomingMessage, cookie: string | null): Token | null {
  const bearer = bearerOf(req);
  if (bearer !== null) return { text: bearer, isCookie: false };
  const text = cookie === null ? null : cookieOf(req, cookie);
  return text === null || text === '' ? null : { text, isCookie: true };
}
