import { MAX_TIME_MS, sinceTime, timeOf } from './since-time';
import {
  type ByteReader,
  bitsOf,
  MAX_VARINT_BYTES,
  readBits,
  readVarint,
  varintBytes,
  writeBigVarint,
  writeBits,
  writeVarint,
} from './varint';

/** One topic of a cursor as bytes; wire/cursor.ts says what they mean. */

export interface CursorTopic {
  /**
   * Beginning of the topic's digest in hex: 8 digits, or all 32 where those would mean two topics. Version 1 had 4.
   */
  readonly key: string;
  /** Next offset by partition number, or `sinceTime`. */
  readonly positions: readonly bigint[];
  /** By partition, a leader epoch whose log has everything before the position; −1 when none is known. */
  readonly epochs: readonly number[];
}

/** Where the offsets of a topic are, each in `width` bytes. */
export interface OffsetPlaces {
  readonly at: number;
  readonly width: number;
  /** They are written lowest byte first, as the difference to it. Null: the topic's only offset, as a varint. */
  readonly base: number | null;
}

const TOPIC_DIGEST_BYTES = 16;
const TOPIC_KEY_BYTES = 4;
const FLAGS = 16;
const HAS_DIGEST = 1;
const HAS_EPOCHS = 2;
const HAS_TIMES = 4;
const KNOWN_FLAGS = HAS_DIGEST | HAS_EPOCHS | HAS_TIMES;
export const MAX_PARTITIONS = 10_000;
export const MAX_OFFSET = 2n ** 63n - 1n;
const NO_OFFSET = MAX_OFFSET + 1n;
const MAX_EPOCH = 2 ** 31 - 1;
/** From −1 to `MAX_EPOCH`. */
const MAX_EPOCH_BITS = 32;
/** Of one offset. */
const MAX_WIDTH = 8;
/** Bits of the window of a width that are above its base: the window moves on by quarters. */
const QUARTER_BITS = 2;

/** Bytes that a topic takes at most. */
export function maxTopicBytes({ positions }: CursorTopic): number {
  return TOPIC_DIGEST_BYTES + 5 * MAX_VARINT_BYTES + (2 * MAX_VARINT_BYTES + 1) * positions.length;
}

/** @returns where it ends, and where its offsets are; null when they cannot be changed in place */
export function writeTopic(
  bytes: Buffer,
  start: number,
  { key, positions, epochs }: CursorTopic,
): { readonly end: number; readonly places: OffsetPlaces | null } {
  const count = positions.length;
  const firstEpoch = epochs[0]!;
  let flags = key.length > 2 * TOPIC_KEY_BYTES ? HAS_DIGEST : 0;
  let smallest = NO_OFFSET;
  let largest = 0n;
  for (let i = 0; i < count; i++) {
    const position = positions[i]!;
    if (position < 0n) flags |= HAS_TIMES;
    else {
      if (position < smallest) smallest = position;
      if (position > largest) largest = position;
    }
    if (epochs[i] !== firstEpoch) flags |= HAS_EPOCHS;
  }
  let end = writeVarint(bytes, start, count * FLAGS + flags);
  end += bytes.write(key, end, 'hex');
  end = flags & HAS_EPOCHS ? writeEpochs(bytes, end, epochs) : writeVarint(bytes, end, firstEpoch + 1);
  if (flags & HAS_TIMES) end = writeBits(bytes, end, positions, 1, (position) => Number(position < 0n));
  if (count === 1 && smallest !== NO_OFFSET) {
    const at = end;
    end = writeBigVarint(bytes, at, smallest);
    return { end, places: { at, width: end - at, base: null } };
  }
  let places: OffsetPlaces | null = null;
  if (smallest !== NO_OFFSET) {
    const { width, base } = windowFor(smallest, largest);
    end = writeBigVarint(bytes, end, (base >> quarterBits(width)) * BigInt(MAX_WIDTH) + BigInt(width - 1));
    // Real offsets are below 2^53, and numbers are several times faster than bigints.
    const isSmall = largest <= Number.MAX_SAFE_INTEGER;
    if (isSmall && (flags & HAS_TIMES) === 0) places = { at: end, width, base: Number(base) };
    for (let i = 0; i < count; i++) {
      const position = positions[i]!;
      if (position < 0n) continue;
      if (isSmall) writeOffset(bytes, end, width, Number(position) - Number(base));
      else writeBigOffset(bytes, end, width, position - base);
      end += width;
    }
  }
  if (flags & HAS_TIMES)
    for (const position of positions) {
      const timeMs = timeOf(position);
      if (timeMs !== null) end = writeVarint(bytes, end, timeMs);
    }
  return { end, places };
}

/** Writes an offset, at most `MAX_SAFE_INTEGER`, in the place of another one. False: it does not fit there. */
export function replaceOffset(
  bytes: Buffer,
  { at, width, base }: OffsetPlaces,
  index: number,
  offset: number,
): boolean {
  if (base === null) {
    if (varintBytes(offset) !== width) return false;
    writeVarint(bytes, at, offset);
    return true;
  }
  const place = offset - base;
  if (place < 0 || place >= 2 ** (8 * width)) return false;
  writeOffset(bytes, at + index * width, width, place);
  return true;
}

/** Writes a number from 0 to `MAX_SAFE_INTEGER` in `width` bytes. */
function writeOffset(bytes: Buffer, start: number, width: number, value: number): void {
  let rest = value;
  for (let at = start; at < start + width; at++) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function writeBigOffset(bytes: Buffer, start: number, width: number, value: bigint): void {
  let rest = value;
  for (let at = start; at < start + width; at++) {
    bytes[at] = Number(rest & 255n);
    rest >>= 8n;
  }
}

/** The narrowest window that has them all. */
function windowFor(smallest: bigint, largest: bigint): { readonly width: number; readonly base: bigint } {
  for (let width = 1; ; width++) {
    const base = (smallest >> quarterBits(width)) << quarterBits(width);
    if (width === MAX_WIDTH || largest - base < 1n << BigInt(8 * width)) return { width, base };
  }
}

function quarterBits(width: number): bigint {
  return BigInt(8 * width - QUARTER_BITS);
}

function writeEpochs(bytes: Buffer, start: number, epochs: readonly number[]): number {
  const smallest = Math.min(...epochs);
  const bits = bitsOf(Math.max(...epochs) - smallest);
  let end = writeVarint(bytes, start, smallest + 1);
  end = writeVarint(bytes, end, bits);
  return writeBits(bytes, end, epochs, bits, (epoch) => epoch - smallest);
}

export function readTopic(reader: ByteReader): CursorTopic | null {
  return readTopicWith(reader, FLAGS, KNOWN_FLAGS, readPositions);
}

/** What versions 2 and 3 share: they differ in how many flags there are, and in their positions. */
export function readTopicWith(
  reader: ByteReader,
  flagValues: number,
  knownFlags: number,
  readOffsets: (reader: ByteReader, isTime: readonly number[]) => bigint[] | null,
): CursorTopic | null {
  const head = readVarint(reader);
  if (head === null || head < flagValues || head >= (MAX_PARTITIONS + 1) * flagValues) return null;
  const flags = Number(head) % flagValues;
  if ((flags & knownFlags) !== flags) return null;
  const count = (Number(head) - flags) / flagValues;
  const key = readKey(reader, flags & HAS_DIGEST ? TOPIC_DIGEST_BYTES : TOPIC_KEY_BYTES);
  const epochs = key === null ? null : readEpochs(reader, count, (flags & HAS_EPOCHS) > 0);
  if (key === null || epochs === null) return null;
  const isTime = flags & HAS_TIMES ? readBits(reader, count, 1) : new Array<number>(count).fill(0);
  if (isTime === null || (flags & HAS_TIMES && !isTime.includes(1))) return null;
  const positions = readOffsets(reader, isTime);
  return positions === null ? null : { key, positions, epochs };
}

function readPositions(reader: ByteReader, isTime: readonly number[]): bigint[] | null {
  const count = isTime.length;
  const positions = new Array<bigint>(count);
  if (count === 1 && isTime[0] === 0) {
    const only = readVarint(reader);
    return only === null || only > MAX_OFFSET ? null : [only];
  }
  if (isTime.includes(0)) {
    const window = readVarint(reader);
    if (window === null) return null;
    const width = Number(window % BigInt(MAX_WIDTH)) + 1;
    const base = (window / BigInt(MAX_WIDTH)) << quarterBits(width);
    for (let i = 0; i < count; i++) {
      if (isTime[i] === 1) continue;
      const offset = readOffset(reader, width);
      if (offset === null || base + offset > MAX_OFFSET) return null;
      positions[i] = base + offset;
    }
  }
  for (let i = 0; i < count; i++) {
    if (isTime[i] === 0) continue;
    const timeMs = readVarint(reader);
    if (timeMs === null || timeMs > MAX_TIME_MS) return null;
    positions[i] = sinceTime(Number(timeMs));
  }
  return positions;
}

function readOffset(reader: ByteReader, width: number): bigint | null {
  const end = reader.at + width;
  if (end > reader.bytes.length) return null;
  let value = 0n;
  for (let at = end - 1; at >= reader.at; at--) value = (value << 8n) | BigInt(reader.bytes[at]!);
  reader.at = end;
  return value;
}

export function readKey(reader: ByteReader, length: number): string | null {
  const end = reader.at + length;
  if (end > reader.bytes.length) return null;
  const key = reader.bytes.toString('hex', reader.at, end);
  reader.at = end;
  return key;
}

function readEpochs(reader: ByteReader, count: number, differ: boolean): number[] | null {
  const first = readVarint(reader);
  if (first === null || first > MAX_EPOCH + 1) return null;
  const smallest = Number(first) - 1;
  if (!differ) return new Array<number>(count).fill(smallest);
  const bits = readVarint(reader);
  if (bits === null || bits < 1n || bits > MAX_EPOCH_BITS) return null;
  const differences = readBits(reader, count, Number(bits));
  if (differences === null || !differences.includes(0)) return null;
  const largest = Math.max(...differences);
  if (bitsOf(largest) !== Number(bits) || smallest + largest > MAX_EPOCH) return null;
  return differences.map((difference) => smallest + difference);
}
