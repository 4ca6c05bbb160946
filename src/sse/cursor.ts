import { createHash } from 'node:crypto';

/**
 * The cursor: what stands in an `id:` line. `1.<cluster>.<vector>`: the version, a short hash of the Kafka cluster id,
 * and base64url of, for each topic, 2 bytes hash of the topic id, the partition count, the first partition's next
 * offset, and the others as zig-zag differences to the one before (all varints).
 *
 * It says the NEXT offset of every partition, as far as one stream has been served, so that any replica can go on from
 * it and filters or compaction holes do no harm. Clients are to treat it as opaque.
 *
 * A cursor that comes in is a stranger's input: `parseCursor` bounds every number and never throws.
 */

export interface CursorTopic {
  /** `topicHash` of the topic's id. */
  readonly topicKey: number;
  /** Next offset by partition number. */
  readonly positions: readonly bigint[];
}

export interface Cursor {
  /** `clusterHash` of the cluster's id. */
  readonly cluster: string;
  readonly topics: readonly CursorTopic[];
}

const VERSION = '1';
const CLUSTER_CHARS = 6;
const MAX_TOPICS = 1_000;
const MAX_PARTITIONS = 10_000;
const TOPIC_KEY_BYTES = 2;
const MAX_OFFSET = 2n ** 63n - 1n;
/** A 64-bit number is ten groups of seven bits. */
const MAX_VARINT_BYTES = 10;
/** Longer than any cursor that the bounds above let through in practice, and short enough to refuse a flood cheaply. */
const MAX_CURSOR_CHARS = 8_192;
const SHAPE = new RegExp(`^${VERSION}\\.([A-Za-z0-9_-]{${CLUSTER_CHARS}})\\.([A-Za-z0-9_-]*)$`);

export function clusterHash(clusterId: string): string {
  return createHash('sha256').update(clusterId).digest('base64url').slice(0, CLUSTER_CHARS);
}

/** @param topicId as the log gives it */
export function topicHash(topicId: string): number {
  return createHash('sha256').update(topicId).digest().readUInt16BE(0);
}

export function formatCursor({ cluster, topics }: Cursor): string {
  let maxBytes = 0;
  for (const { positions } of topics) maxBytes += TOPIC_KEY_BYTES + MAX_VARINT_BYTES * (1 + positions.length);
  const bytes = Buffer.allocUnsafe(maxBytes);
  let end = 0;
  for (const { topicKey, positions } of topics) {
    end = bytes.writeUInt16BE(topicKey, end);
    end = writeVarint(bytes, end, BigInt(positions.length));
    for (let partition = 0; partition < positions.length; partition++) {
      const position = positions[partition]!;
      end = writeVarint(
        bytes,
        end,
        partition === 0 ? position : zigZag(position - positions[partition - 1]!),
      );
    }
  }
  return `${VERSION}.${cluster}.${bytes.toString('base64url', 0, end)}`;
}

/** The cursor that `text` is, or null when it is none: another version, junk, or a number out of bounds. */
export function parseCursor(text: string): Cursor | null {
  if (text.length > MAX_CURSOR_CHARS) return null;
  const [, cluster, vector] = SHAPE.exec(text) ?? [];
  if (cluster === undefined || vector === undefined) return null;
  const bytes = Buffer.from(vector, 'base64url');
  // base64url has several texts for some bytes; only the one we write counts.
  if (bytes.toString('base64url') !== vector) return null;
  const topics = parseTopics(bytes);
  return topics === null ? null : { cluster, topics };
}

function parseTopics(bytes: Buffer): CursorTopic[] | null {
  const topics: CursorTopic[] = [];
  const reader = { bytes, at: 0 };
  while (reader.at < bytes.length) {
    if (reader.at + TOPIC_KEY_BYTES > bytes.length || topics.length === MAX_TOPICS) return null;
    const topicKey = bytes.readUInt16BE(reader.at);
    reader.at += TOPIC_KEY_BYTES;
    const count = readVarint(reader);
    if (
      count === null ||
      count < 1n ||
      count > MAX_PARTITIONS ||
      topics.some((other) => other.topicKey === topicKey)
    )
      return null;
    const positions: bigint[] = [];
    for (let partition = 0; partition < count; partition++) {
      const value = readVarint(reader);
      if (value === null) return null;
      const position: bigint = partition === 0 ? value : positions[partition - 1]! + unZigZag(value);
      if (position < 0n || position > MAX_OFFSET) return null;
      positions.push(position);
    }
    topics.push({ topicKey, positions });
  }
  return topics;
}

function zigZag(value: bigint): bigint {
  return value >= 0n ? value << 1n : (-value << 1n) - 1n;
}

function unZigZag(value: bigint): bigint {
  return value & 1n ? -((value + 1n) >> 1n) : value >> 1n;
}

/** Answers where it ends. */
function writeVarint(bytes: Buffer, start: number, value: bigint): number {
  let at = start;
  let rest = value;
  // Offsets are below 2^53 in any log that lives; the loop on numbers is several times faster.
  while (rest > Number.MAX_SAFE_INTEGER) {
    bytes[at++] = Number(rest & 127n) | 128;
    rest >>= 7n;
  }
  let small = Number(rest);
  while (small > 127) {
    bytes[at++] = (small % 128) | 128;
    small = Math.floor(small / 128);
  }
  bytes[at++] = small;
  return at;
}

function readVarint(reader: { readonly bytes: Buffer; at: number }): bigint | null {
  let value = 0n;
  for (let i = 0; i < MAX_VARINT_BYTES; i++) {
    const byte = reader.bytes[reader.at++];
    if (byte === undefined) return null;
    value |= BigInt(byte & 127) << BigInt(7 * i);
    if (byte < 128) return byte === 0 && i > 0 ? null : value;
  }
  return null;
}
