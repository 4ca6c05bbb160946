import { type CursorTopic, MAX_OFFSET, MAX_PARTITIONS, readKey, readTopicWith } from './cursor-topic';
import { MAX_TIME_MS, sinceTime } from './since-time';
import { type ByteReader, readVarint } from './varint';

/** Topics of cursors of earlier versions, which are still read. */

const OLD_TOPIC_KEY_BYTES = 2;
const FLAGS = 8;

/** 2 bytes of key, the count, and offsets as zig-zag varints, each as the difference to the one before. */
export function readTopicOfVersion1(reader: ByteReader): CursorTopic | null {
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

/**
 * The number of partitions × 8 + flags; key and epochs as now; only with times, a bit for each partition; then the
 * smallest offset, and for each partition, unless it is the only one, the difference to it, or its time.
 */
export function readTopicOfVersion2(reader: ByteReader): CursorTopic | null {
  return readTopicWith(reader, FLAGS, FLAGS - 1, readPositions);
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
