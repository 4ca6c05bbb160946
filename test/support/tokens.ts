import { createHmac, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** Tokens made with Node's own cryptography, not with the library that verifies them. */

export const JWT_SECRET = 'a secret of tests that has 32 bytes';

export interface Claims {
  readonly sub?: string;
  readonly iss?: string;
  readonly aud?: string | readonly string[];
  /** Unix seconds. */
  readonly exp?: unknown;
  readonly nbf?: number;
  readonly [name: string]: unknown;
}

const base64url = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');

export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

/** Signed with the secret. `exp` is in a minute unless said otherwise; undefined leaves it out. */
export function hmacToken(claims: Claims, secret: string | Buffer = JWT_SECRET, header: object = {}): string {
  const content = contentOf({ alg: 'HS256', typ: 'JWT', ...header }, claims);
  return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
}

/** Unsigned. */
export function bareToken(claims: Claims, alg = 'none'): string {
  return `${contentOf({ alg, typ: 'JWT' }, claims)}.`;
}

export interface Signer {
  readonly publicPem: string;
  /** The public key as a member of a key set. */
  readonly jwk: object;
  token(claims: Claims, header?: object): string;
}

export function rsaSigner(kid = 'rsa', bits = 2_048): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
  return signer(publicKey, privateKey, 'RS256', kid);
}

export function ecSigner(kid = 'ec'): Signer {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return signer(publicKey, privateKey, 'ES256', kid);
}

function signer(publicKey: KeyObject, privateKey: KeyObject, alg: string, kid: string): Signer {
  return {
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' },
    token(claims, header = {}) {
      const content = contentOf({ alg, kid, ...header }, claims);
      const key = alg === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const } : privateKey;
      return `${content}.${createSign('sha256').update(content).sign(key).toString('base64url')}`;
    },
  };
}

function contentOf(header: object, claims: Claims): string {
  const payload = 'exp' in claims ? claims : { exp: inSeconds(60), ...claims };
  return `${base64url(header)}.${base64url(payload)}`;
}
