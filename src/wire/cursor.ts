import { createHash } from 'node:crypto';
import { MAX_TIME_MS, sinceTime, timeOf } from './since-time';
import {
  type ByteReader,
  bitsOf,
  MAX_VARINT_BYTES,
  readBits,
  readVarint,
  writeBigVarint,
  writeBits,
  writeVarint,
} from './varint';

/**
 * The cursor: the value of an `id:` line. `2.<cluster>.<vector>`: the version, a short hash of the Kafka cluster id,
 * and base64url of the topics, one after the other. Unless it is one topic, a 0 and the number of topics come first: some
 * clients take an id from a line that was cut off, and a part of an id must not be an id. For each topic:
 *
 * - the number of partitions × 8 + flags;
 * - the topic's key, 4 bytes or 16;
 * - leader epochs + 1, 0 for those not known: one number for all, or the smallest one, the bits of a difference, and
 *   the differences to it packed into bytes;
 * - only with times: one bit for each partition, set when its position is a time;
 * - positions by partition: the smallest offset (left out when there is none), then for each partition, unless it is the
 *   only one, the difference to it, or its time in Unix milliseconds.
 *
 * Version 1, which is still read, had no epochs, no times, and keys of 2 bytes.
 *
 * It has the NEXT offset of every partition, as far as one stream has been served, so any gateway can continue from it,
 * and filters and gaps from compaction do no harm. Clients must treat it as opaque. docs/decisions/ has the reasons.
 *
 * A cursor comes from a client, so it may be hostile: `parseCursor` limits every number and never throws. Each number is a
 * varint in its only form, so two different texts never mean the same.
 */

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

export interface Cursor {
  /** `clusterHash` of the cluster's id. */
  readonly cluster: string;
  readonly topics: readonly CursorTopic[];
}

const VERSION = '2';
const CLUSTER_CHARS = 6;
const TOPIC_DIGEST_BYTES = 16;
const TOPIC_KEY_BYTES = 4;
const OLD_TOPIC_KEY_BYTES = 2;
const FLAGS = 8;
const HAS_DIGEST = 1;
const HAS_EPOCHS = 2;
const HAS_TIMES = 4;
/** No topic begins with it. */
const NOT_ONE_TOPIC = 0;
const MAX_TOPICS = 1_000;
const MAX_PARTITIONS = 10_000;
const MAX_OFFSET = 2n ** 63n - 1n;
const NO_OFFSET = MAX_OFFSET + 1n;
const MAX_EPOCH = 2 ** 31 - 1;
/** From −1 to `MAX_EPOCH`. */
const MAX_EPOCH_BITS = 32;
/** Longer than any real cursor, and short enough to reject a flood cheaply. */
const MAX_CURSOR_CHARS = 8_192;
const SHAPE = new RegExp(`^([12])\\.([A-Za-z0-9_-]{${CLUSTER_CHARS}})\\.([A-Za-z0-9_-]*)$`);

export function clusterHash(clusterId: string): string {
  return createHash('sha256').update(clusterId).digest('base64url').slice(0, CLUSTER_CHARS);
}

/**
 * Stands for a topic in cursors, in hex; a key is the beginning of it.
 * @param topicId as the log gives it
 */
export function topicDigest(topicId: string): string {
  return createHash('sha256')
    .update(topicId)
    .digest('hex')
    .slice(0, 2 * TOPIC_DIGEST_BYTES);
}

export function formatCursor({ cluster, topics }: Cursor): string {
  let maxBytes = 2 * MAX_VARINT_BYTES;
  for (const { positions } of topics) {
    maxBytes += TOPIC_DIGEST_BYTES + 5 * MAX_VARINT_BYTES + (2 * MAX_VARINT_BYTES + 1) * positions.length;
  }
  const bytes = Buffer.allocUnsafe(maxBytes);
  let end = 0;
  if (topics.length !== 1) {
    end = writeVarint(bytes, end, NOT_ONE_TOPIC);
    end = writeVarint(bytes, end, topics.length);
  }
  for (const topic of topics) end = writeTopic(bytes, end, topic);
  return `${VERSION}.${cluster}.${bytes.toString('base64url', 0, end)}`;
}

function writeTopic(bytes: Buffer, start: number, { key, positions, epochs }: CursorTopic): number {
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
  if (smallest !== NO_OFFSET) {
    end = writeBigVarint(bytes, end, smallest);
    if (count === 1) return end;
  }
  // Real offsets are below 2^53, and subtracting numbers is several times faster than subtracting bigints.
  const isSmall = largest <= Number.MAX_SAFE_INTEGER;
  const smallestNumber = Number(smallest);
  for (let i = 0; i < count; i++) {
    const position = positions[i]!;
    if (position < 0n) end = writeVarint(bytes, end, timeOf(position)!);
    else if (isSmall) end = writeVarint(bytes, end, Number(position) - smallestNumber);
    else end = writeBigVarint(bytes, end, position - smallest);
  }
  return end;
}

/** 2 bytes of key, the count, and offsets as zig-zag varints, each as the difference to the one before. */
function readTopicOfVersion1(reader: ByteReader): CursorTopic | null {
  const key = readKey(reader, OLD_TOPIC_KEY_BYTES);
  const count = key === null ? null : readVarint(reader);
  if (key === null || count === null || count < 1n || count > MAX_PARTITIONS) return null;
  const positions: bigint[] = [];
  for (let partition = 0; partition < count; partition++) {
    const value = readVarint(reader);
    if (value === null) return null;
    const position: bigint = partition === 0 ? value : positions[partition - 1]! + unZigZag(value);
    if (position < 0n || position > MAX_OFFSET) return null;
    positions.push(position);
  }
  return { key, positions, epochs: positions.map(() => -1) };
}

function unZigZag(value: bigint): bigint {
  return value & 1n ? -((value + 1n) >> 1n) : value >> 1n;
}

function writeEpochs(bytes: Buffer, start: number, epochs: readonly number[]): number {
  const smallest = Math.min(...epochs);
  const bits = bitsOf(Math.max(...epochs) - smallest);
  let end = writeVarint(bytes, start, smallest + 1);
  end = writeVarint(bytes, end, bits);
  return writeBits(bytes, end, epochs, bits, (epoch) => epoch - smallest);
}

/** Null when `text` is not a cursor: another version, junk, or a number out of bounds. */
export function parseCursor(text: string): Cursor | null {
  if (text.length > MAX_CURSOR_CHARS) return null;
  const [, version, cluster, vector] = SHAPE.exec(text) ?? [];
  if (cluster === undefined || vector === undefined) return null;
  const bytes = Buffer.from(vector, 'base64url');
  // base64url has several texts for some bytes; only the one that we write is valid.
  if (bytes.toString('base64url') !== vector) return null;
  const topics = version === VERSION ? parseTopics(bytes) : parseTopicsOfVersion1(bytes);
  return topics === null ? null : { cluster, topics };
}

function parseTopics(bytes: Buffer): readonly CursorTopic[] | null {
  const reader = { bytes, at: 0 };
  let left = 1;
  if (bytes[0] === NOT_ONE_TOPIC) {
    reader.at = 1;
    const count = readVarint(reader);
    if (count === null || count === 1n || count > MAX_TOPICS) return null;
    left = Number(count);
  }
  const topics = readTopics(reader, readTopic, () => left-- > 0);
  return reader.at === bytes.length ? topics : null;
}

function parseTopicsOfVersion1(bytes: Buffer): readonly CursorTopic[] | null {
  const reader = { bytes, at: 0 };
  return readTopics(reader, readTopicOfVersion1, () => reader.at < bytes.length);
}

/** Null when one of them is invalid, or has the key of another. */
function readTopics(
  reader: ByteReader,
  read: (reader: ByteReader) => CursorTopic | null,
  hasMore: () => boolean,
): readonly CursorTopic[] | null {
  const topics: CursorTopic[] = [];
  const keys = new Set<string>();
  while (hasMore()) {
    const topic = topics.length === MAX_TOPICS ? null : read(reader);
    if (topic === null || keys.has(topic.key)) return null;
    keys.add(topic.key);
    topics.push(topic);
  }
  return topics;
}

function readTopic(reader: ByteReader): CursorTopic | null {
  const head = readVarint(reader);
  if (head === null || head < FLAGS || head >= (MAX_PARTITIONS + 1) * FLAGS) return null;
  const flags = Number(head) % FLAGS;
  const count = (Number(head) - flags) / FLAGS;
  const key = readKey(reader, flags & HAS_DIGEST ? TOPIC_DIGEST_BYTES : TOPIC_KEY_BYTES);
  const epochs = key === null ? null : readEpochs(reader, count, (flags & HAS_EPOCHS) > 0);
  if (key === null || epochs === null) return null;
  const isTime = flags & HAS_TIMES ? readBits(reader, count, 1) : new Array<number>(count).fill(0);
  if (isTime === null || (flags & HAS_TIMES && !isTime.includes(1))) return null;
  const positions = readPositions(reader, isTime);
  return positions === null ? null : { key, positions, epochs };
}

function readKey(reader: ByteReader, length: number): string | null {
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

function readPositions(reader: ByteReader, isTime: readonly number[]): bigint[] | null {
  let smallest = 0n;
  if (isTime.includes(0)) {
    const first = readVarint(reader);
    if (first === null || first > MAX_OFFSET) return null;
    if (isTime.length === 1) return [first];
    smallest = first;
  }
  const positions: bigint[] = [];
  for (const time of isTime) {
    const value = readVarint(reader);
    if (value === null) return null;
    if (time === 1) {
      if (value > MAX_TIME_MS) return null;
      positions.push(sinceTime(Number(value)));
    } else {
      if (smallest + value > MAX_OFFSET) return null;
      positions.push(smallest + value);
    }
  }
  return isTime.includes(0) && !positions.includes(smallest) ? null : positions;
}
