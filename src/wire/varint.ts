/** Numbers as bytes, seven bits each, lowest first, and small numbers packed into bits. Each number has only one form. */

/** A 64-bit number is ten groups of seven bits. */
export const MAX_VARINT_BYTES = 10;

/** Untrusted bytes, and how far they have been read. */
export interface ByteReader {
  readonly bytes: Buffer;
  at: number;
}

/** @param value a whole number, at most `Number.MAX_SAFE_INTEGER` @returns where it ends */
export function writeVarint(bytes: Buffer, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 127) {
    bytes[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  bytes[at++] = rest;
  return at;
}

/** How many bytes `writeVarint` writes. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** @returns where it ends */
export function writeBigVarint(bytes: Buffer, start: number, value: bigint): number {
  let at = start;
  let rest = value;
  while (rest > Number.MAX_SAFE_INTEGER) {
    bytes[at++] = Number(rest & 127n) | 128;
    rest >>= 7n;
  }
  return writeVarint(bytes, at, Number(rest));
}

/** Null when it is cut off, or longer than necessary. */
export function readVarint(reader: ByteReader): bigint | null {
  let value = 0n;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) return null;
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return byte === 0 && i > 0 ? null : value;
  }
  return null;
}

/** Bits that a number takes, from 0 (for 0) to 32. */
export function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}

/** Writes `bits` of each, at most 32, the lowest first, and zeros up to the next byte. @returns where it ends */
export function writeBits<T>(
  bytes: Buffer,
  start: number,
  values: readonly T[],
  bits: number,
  numberOf: (value: T) => number,
): number {
  const end = start + Math.ceil((values.length * bits) / 8);
  bytes.fill(0, start, end);
  for (let i = 0, at = 0; i < values.length; i++) {
    const value = numberOf(values[i]!);
    for (let bit = 0; bit < bits; bit++, at++)
      if ((value >> bit) & 1) bytes[start + (at >> 3)]! |= 1 << (at & 7);
  }
  return end;
}

/** As `writeBits` wrote them; null when they are cut off, or bits after the end are set. */
export function readBits(reader: ByteReader, count: number, bits: number): number[] | null {
  const start = reader.at;
  const end = start + Math.ceil((count * bits) / 8);
  if (end > reader.bytes.length) return null;
  const bitAt = (at: number) => (reader.bytes[start + (at >> 3)]! >> (at & 7)) & 1;
  const values: number[] = [];
  for (let i = 0; i < count; i++) {
    let value = 0;
    for (let bit = 0; bit < bits; bit++) value |= bitAt(i * bits + bit) << bit;
    values.push(value >>> 0);
  }
  for (let at = count * bits; at < (end - start) * 8; at++) if (bitAt(at) === 1) return null;
  reader.at = end;
  return values;
}
