/**
 * A position that is not known as an offset: everything written since a moment. It stands for a partition that could
 * not be reached. It is below every offset, so replacing it by the offset is a step forward like any other.
 */

const ORIGIN = -(2n ** 62n);

export const MAX_TIME_MS = 8.64e15;

/** @param unixMs a whole number from 0 to `MAX_TIME_MS` */
export function sinceTime(unixMs: number): bigint {
  return ORIGIN + BigInt(unixMs);
}

/** All that a partition has ever held. */
export const EVERYTHING = sinceTime(0);

/** The Unix time in milliseconds that a position stands for; null for an offset. */
export function timeOf(position: bigint): number | null {
  return position < 0n ? Number(position - ORIGIN) : null;
}
