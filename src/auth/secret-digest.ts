import { createHash, timingSafeEqual } from 'node:crypto';

/** SHA-256 of a secret: what is kept and compared, so that every comparison is of the same length. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Takes the same time whatever is in them. Both are SHA-256 digests. */
export function isSameDigest(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(a, b);
}
