import type { LogRecord, RecordHeader } from '../../event-log';

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

/** What the records of one batch have in common, from its header. */
export interface RecordContext {
  readonly baseOffset: bigint;
  readonly lastOffsetDelta: number;
  /** How many records the batch says it holds; fewer than its offsets after compaction. */
  readonly count: number;
  readonly baseTimestampMs: number;
  /** Time of all its records when the broker stamped them, else null. */
  readonly logAppendTimeMs: number | null;
}

/**
 * Reads the records of one batch of format version 2 (https://kafka.apache.org/documentation/#record); keys and
 * values are views of `bytes`. Records below `from` are left out.
 * @throws Error when they are not well formed: none of them can be trusted then
 */
export function decodeRecords(bytes: Buffer, context: RecordContext, from: bigint): LogRecord[] {
  const { baseOffset, lastOffsetDelta, count, baseTimestampMs, logAppendTimeMs } = context;
  // Offsets above 2^53 are legal, but adding plain numbers makes one BigInt a record instead of two.
  const baseNumber = Number(baseOffset);
  const exact = baseNumber + lastOffsetDelta <= Number.MAX_SAFE_INTEGER;
  const firstDelta = from <= baseOffset ? 0 : Number(from - baseOffset);
  const cursor = new Cursor(bytes);
  const records: LogRecord[] = [];
  let headers = NO_HEADERS;
  let previousDelta = -1;
  for (let i = 0; i < count; i++) {
    const length = cursor.varint();
    const end = cursor.at + length;
    if (length < 0 || end > bytes.length) throw new Error('a record reaches past its batch');
    cursor.at++; // the attributes of a record are unused
    const timestampDelta = cursor.varint();
    const offsetDelta = cursor.varint();
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta) {
      throw new Error('the offsets of the records do not ascend within their batch');
    }
    previousDelta = offsetDelta;
    if (offsetDelta < firstDelta) {
      cursor.at = end;
      continue;
    }
    const key = cursor.bytes();
    const value = cursor.bytes();
    headers = readHeaders(cursor, headers);
    if (cursor.at !== end) throw new Error('a record does not have the length it says');
    records.push({
      offset: exact ? BigInt(baseNumber + offsetDelta) : baseOffset + BigInt(offsetDelta),
      timestampMs: logAppendTimeMs ?? baseTimestampMs + timestampDelta,
      key,
      value,
      headers,
    });
  }
  if (cursor.at !== bytes.length) throw new Error('bytes follow the last record of a batch');
  return records;
}

/** @param like headers of a neighbour, which mostly has the same keys: these are not made again */
function readHeaders(cursor: Cursor, like: readonly RecordHeader[]): readonly RecordHeader[] {
  const count = cursor.varint();
  if (count === 0) return NO_HEADERS;
  if (count < 0) throw new Error('a negative number of headers');
  const headers: RecordHeader[] = [];
  for (let i = 0; i < count; i++) {
    headers.push({ key: cursor.text(like[i]?.key ?? ''), value: cursor.bytes() });
  }
  return headers;
}

/** A reading position in the records of one batch. */
class Cursor {
  readonly #buffer: Buffer;
  at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  /** A zig-zag varint of up to 64 bits. Lengths and deltas of offsets and times are safe integers; others are junk. */
  varint(): number {
    const first = this.#buffer[this.at++];
    if (first === undefined) throw new Error('a number is cut short');
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = first & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < 10; i++) {
      const byte = this.#buffer[this.at++];
      if (byte === undefined) throw new Error('a number is cut short');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 0x80;
    }
    throw new Error('a number is too long');
  }

  /** Bytes behind their length; null when the length is −1. */
  bytes(): Buffer | null {
    const length = this.varint();
    if (length === -1) return null;
    const start = this.#take(length);
    return this.#buffer.subarray(start, this.at);
  }

  /** UTF-8 behind its length in bytes; `guess` itself when it is that. */
  text(guess: string): string {
    const start = this.#take(this.varint());
    return this.#isAscii(guess, start) ? guess : this.#buffer.toString('utf8', start, this.at);
  }

  /** Whether what was taken from `start` on is this text, of ASCII alone. */
  #isAscii(text: string, start: number): boolean {
    if (text.length !== this.at - start) return false;
    for (let i = 0; i < text.length; i++) {
      const byte = this.#buffer[start + i]!;
      if (byte > 0x7f || byte !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Moves over `length` bytes and answers where they begin. */
  #take(length: number): number {
    const start = this.at;
    if (length < 0 || start + length > this.#buffer.length) throw new Error('bytes reach past their batch');
    this.at = start + length;
    return start;
  }
}
