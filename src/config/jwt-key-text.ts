import { createPublicKey, type KeyObject } from 'node:crypto';

/** What a file of keys that verify tokens may hold. */
export type JwtKeyText = { readonly key: KeyObject } | { readonly jwks: { readonly keys: object[] } };

/**
 * A JSON Web Key Set, or one public key or certificate as PEM.
 * @throws Error with a sentence without a subject, which never holds the key
 */
export function parseJwtKeyText(text: string): JwtKeyText {
  // A private key would do, but has no business here.
  if (text.includes('PRIVATE KEY')) throw new Error('holds a private key; the public one is enough');
  if (!text.trimStart().startsWith('{')) return { key: publicKeyOf(text) };
  const jwks = jsonOf(text) as { keys?: Record<string, unknown>[] };
  if (!Array.isArray(jwks.keys) || jwks.keys.length === 0)
    throw new Error('is no JSON Web Key Set: it has no keys');
  if (jwks.keys.some((key) => key.kty === 'oct' || key.d !== undefined))
    throw new Error('holds a private or secret key; the public ones are enough');
  return { jwks: { keys: jwks.keys } };
}

function publicKeyOf(text: string): KeyObject {
  try {
    return createPublicKey(text);
  } catch (cause) {
    throw new Error('is neither a public key or certificate as PEM nor a JSON Web Key Set', { cause });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error('is not JSON', { cause });
  }
}
