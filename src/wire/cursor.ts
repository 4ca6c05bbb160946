import { createHash } from 'node:crypto';
import { type CursorTopic, maxTopicBytes, type OffsetPlaces, readTopic, writeTopic } from './cursor-topic';
import { readTopicOfVersion1, readTopicOfVersion2 } from './old-cursor-topics';
import { type ByteReader, MAX_VARINT_BYTES, readVarint, writeVarint } from './varint';

/**
 * The cursor: the value of an `id:` line. `3.<cluster>.<vector>`: the version, a short hash of the Kafka cluster id,
 * and base64url of the topics that its subscription can see, one after the other. Unless it is one topic, a 0 and the
 * number of topics come first: some clients take an id from a line that was cut off, and a part of an id must not be an
 * id. For each topic:
 *
 * - the number of partitions × 16 + flags;
 * - the topic's key, 4 bytes or 16;
 * - leader epochs + 1, 0 for those not known: one number for all, or the smallest one, the bits of a difference, and
 *   the differences to it packed into bytes;
 * - only with times: one bit for each partition, set when its position is a time;
 * - the offset, if it is the only partition; else, unless all are times, a window of 2^(8 × width) offsets that has them
 *   all (its base in quarters × 8 + width − 1), then for each offset its place in the window, in `width` bytes;
 * - the times, in Unix milliseconds.
 *
 * Because all offsets have the same width, an id is made from the one before by changing a few of its characters
 * (wire/cursor-line.ts). Version 2, which is still read, named all topics, by differences of any width. Version 1 had no
 * epochs, no times, and keys of 2 bytes.
 *
 * It has the NEXT offset of every partition, as far as one stream has been served, so any gateway can continue from it,
 * and filters and gaps from compaction do no harm. Clients must treat it as opaque. docs/decisions/ has the reasons.
 *
 * A cursor comes from a client, so it may be hostile: `parseCursor` limits every number and never throws.
 */
export interface Cursor {
  /** `clusterHash` of the cluster's id. */
  readonly cluster: string;
  readonly topics: readonly CursorTopic[];
  /** It names the topics that its subscription could see. Before version 3 it named all topics. */
  readonly isScoped: boolean;
}

const VERSION = '3';
const CLUSTER_CHARS = 6;
const TOPIC_DIGEST_BYTES = 16;
/** No topic begins with it. */
const NOT_ONE_TOPIC = 0;
const MAX_TOPICS = 1_000;
/** Longer than any real cursor, and short enough to reject a flood cheaply. */
const MAX_CURSOR_CHARS = 8_192;
const SHAPE = new RegExp(`^([123])\\.([A-Za-z0-9_-]{${CLUSTER_CHARS}})\\.([A-Za-z0-9_-]*)$`);

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

/** What comes before the vector. */
export function cursorHead(cluster: string): string {
  return `${VERSION}.${cluster}.`;
}

/** The vector, and by topic where its offsets are; null where they cannot be changed in place. */
export interface CursorVector {
  readonly bytes: Buffer;
  readonly places: readonly (OffsetPlaces | null)[];
}

export function cursorVector(topics: readonly CursorTopic[]): CursorVector {
  let maxBytes = 2 * MAX_VARINT_BYTES;
  for (const topic of topics) maxBytes += maxTopicBytes(topic);
  const bytes = Buffer.allocUnsafe(maxBytes);
  let end = 0;
  if (topics.length !== 1) {
    end = writeVarint(bytes, end, NOT_ONE_TOPIC);
    end = writeVarint(bytes, end, topics.length);
  }
  const places = topics.map((topic) => {
    const written = writeTopic(bytes, end, topic);
    end = written.end;
    return written.places;
  });
  return { bytes: bytes.subarray(0, end), places };
}

export function formatCursor({ cluster, topics }: Pick<Cursor, 'cluster' | 'topics'>): string {
  return cursorHead(cluster) + cursorVector(topics).bytes.toString('base64url');
}

/** Null when `text` is not a cursor: another version, junk, or a number out of bounds. */
export function parseCursor(text: string): Cursor | null {
  if (text.length > MAX_CURSOR_CHARS) return null;
  const [, version, cluster, vector] = SHAPE.exec(text) ?? [];
  if (cluster === undefined || vector === undefined) return null;
  const bytes = Buffer.from(vector, 'base64url');
  // base64url has several texts for some bytes; only the one that we write is valid.
  if (bytes.toString('base64url') !== vector) return null;
  const isScoped = version === VERSION;
  const topics =
    version === '1'
      ? parseTopicsOfVersion1(bytes)
      : parseTopics(bytes, isScoped ? readTopic : readTopicOfVersion2);
  return topics === null ? null : { cluster, topics, isScoped };
}

type ReadTopic = (reader: ByteReader) => CursorTopic | null;

function parseTopics(bytes: Buffer, read: ReadTopic): readonly CursorTopic[] | null {
  const reader = { bytes, at: 0 };
  let left = 1;
  if (bytes[0] === NOT_ONE_TOPIC) {
    reader.at = 1;
    const count = readVarint(reader);
    if (count === null || count === 1n || count > MAX_TOPICS) return null;
    left = Number(count);
  }
  const topics = readTopics(reader, read, () => left-- > 0);
  return reader.at === bytes.length ? topics : null;
}

function parseTopicsOfVersion1(bytes: Buffer): readonly CursorTopic[] | null {
  const reader = { bytes, at: 0 };
  return readTopics(reader, readTopicOfVersion1, () => reader.at < bytes.length);
}

/** Null when one of them is invalid, or has the key of another. */
function readTopics(
  reader: ByteReader,
  read: ReadTopic,
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
