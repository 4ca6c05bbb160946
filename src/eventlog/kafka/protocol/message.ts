import { Reader } from './bytes';
import { crc32 } from './checksums';
import { type Codecs, corrupt, decompress, type Unreadable } from './codecs';
import type { KafkaRecord, RecordHeader } from './record';

/**
 * Messages of the formats 0 and 1, which Kafka wrote before 0.11 and still serves from old segments
 * (https://kafka.apache.org/documentation/#messageset). One stands alone, or its value is a compressed set of others:
 * then it has the offset of the last of them.
 */

/** The first two places are those of a record batch too. */
const LENGTH_AT = 8;
const CRC_AT = 12;
const MAGIC_AT = 16;
const ATTRIBUTES_AT = 17;
/** Format 1 only; format 0 has the key's length here. */
const TIMESTAMP_AT = 18;
/** The smallest one: CRC, magic, attributes, and the lengths of key and value. */
export const MIN_MESSAGE_BYTES = 14;

const CODEC_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
/** What Kafka calls the time of a record that has none. */
const NO_TIMESTAMP = -1;
/** Gzip, snappy and lz4; zstd came with record batches. */
const LAST_CODEC = 3;
const NO_CODECS: Codecs = new Map();

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

interface Message {
  readonly offset: bigint;
  readonly magic: number;
  readonly codec: number;
  readonly hasLogAppendTime: boolean;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

/** Whether the message that begins at `start`, and may be cut short, holds others; true when that is cut off. */
export function holdsOthers(recordSet: Buffer, start: number): boolean {
  const attributes = recordSet[start + ATTRIBUTES_AT];
  return attributes === undefined || (attributes & CODEC_MASK) !== 0;
}

export function hasRightChecksum(message: Buffer): boolean {
  return crc32(message, MAGIC_AT) === message.readUInt32BE(CRC_AT);
}

/** The records from `from` on of one message whose checksum is right; keys and values are views. */
export function readMessage(bytes: Buffer, from: bigint, codecs: Codecs): KafkaRecord[] | Unreadable {
  try {
    const message = parse(bytes);
    if (message.codec === 0) return message.offset < from ? [] : [recordOf(message, message.offset)];
    if (message.value === null) throw new Error('a message that should hold others has no value');
    const known = message.codec > LAST_CODEC ? NO_CODECS : codecs;
    const set = decompress(known, message.codec, message.value);
    return 'reason' in set ? set : readInner(set, message, from);
  } catch (error) {
    return corrupt(String(error));
  }
}

/** @throws Error when one of them is not well formed: none of them can be trusted then */
function readInner(set: Buffer, outer: Message, from: bigint): KafkaRecord[] {
  const messages: Message[] = [];
  for (let at = 0; at < set.length; ) {
    if (at + CRC_AT > set.length) throw new Error('a message is cut short');
    const length = set.readInt32BE(at + LENGTH_AT);
    const end = at + CRC_AT + length;
    if (length < MIN_MESSAGE_BYTES || end > set.length) throw new Error('a message reaches past its set');
    const bytes = set.subarray(at, end);
    if (!hasRightChecksum(bytes)) throw new Error('a message within another has a wrong checksum');
    const message = parse(bytes);
    if (message.codec !== 0) throw new Error('a compressed message within another');
    if (message.offset <= (messages.at(-1)?.offset ?? -1n)) throw new Error('offsets do not ascend');
    messages.push(message);
    at = end;
  }
  const last = messages.at(-1)?.offset;
  if (last === undefined) throw new Error('a message that should hold others holds none');
  if (last > outer.offset) throw new Error('a message within another lies behind it');
  // Those of format 1 count from a base that only the last one tells; brokers set the outer offset alone.
  const base = outer.magic === 0 ? 0n : outer.offset - last;
  const records: KafkaRecord[] = [];
  for (const message of messages) {
    const offset = base + message.offset;
    if (offset < from) continue;
    const isStamped = outer.hasLogAppendTime && message.magic !== 0;
    records.push(recordOf(message, offset, isStamped ? outer.timestampMs : message.timestampMs));
  }
  return records;
}

/** @throws Error when it is not well formed */
function parse(bytes: Buffer): Message {
  const magic = bytes.readInt8(MAGIC_AT);
  if (magic !== 0 && magic !== 1) throw new Error(`message format ${magic}`);
  const attributes = bytes.readInt8(ATTRIBUTES_AT);
  const reader = new Reader(bytes, TIMESTAMP_AT);
  const timestampMs = magic === 1 ? Number(reader.int64()) : NO_TIMESTAMP;
  const key = reader.blob();
  const value = reader.blob();
  if (reader.at !== bytes.length) throw new Error('a message does not have the length it says');
  return {
    offset: bytes.readBigInt64BE(0),
    magic,
    codec: attributes & CODEC_MASK,
    hasLogAppendTime: magic === 1 && (attributes & LOG_APPEND_TIME) !== 0,
    timestampMs,
    key,
    value,
  };
}

function recordOf(
  { key, value, timestampMs: ownMs }: Message,
  offset: bigint,
  timestampMs: number = ownMs,
): KafkaRecord {
  return { offset, timestampMs, key, value, headers: NO_HEADERS };
}
