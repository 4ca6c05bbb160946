import { isUtf8 } from 'node:buffer';
import type { KeyType } from '../config/topic-settings';
import type { LogRecord } from '../eventlog/event-log';
import type { JsonValue, ValueDecoder, WaitingValue } from '../values/decoded';

/** Stands before the bytes of a key that has no text. No text has it in a channel. */
const NO_TEXT = Buffer.from([0]);

/** The record with the text of its key in place of the bytes that a registry's schema describes. */
export function withReadKey(record: LogRecord, decoder: ValueDecoder | null): LogRecord | WaitingValue {
  const { key } = record;
  if (decoder === null || key === null) return record;
  const decoded = decoder.decode(key);
  if (decoded.kind === 'waiting') return decoded;
  const text = decoded.kind === 'value' ? scalarText(decoded.value) : null;
  return { ...record, key: text === null ? Buffer.concat([NO_TEXT, key]) : Buffer.from(text) };
}

function scalarText(value: JsonValue): string | null {
  return typeof value === 'object' ? null : String(value);
}

/** A key as text; null for bytes that are not of this type. */
export function keyText(bytes: Buffer, type: KeyType): string | null {
  switch (type) {
    case 'utf8':
      return isUtf8(bytes) ? bytes.toString() : null;
    case 'int32':
      return bytes.length === 4 ? String(bytes.readInt32BE()) : null;
    case 'int64':
      return bytes.length === 8 ? String(bytes.readBigInt64BE()) : null;
    case 'uuid':
      return bytes.length === 16
        ? bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
        : null;
    case 'hex':
      return bytes.toString('hex');
    // Read before: `withReadKey`.
    case 'registry':
      return bytes[0] === 0 ? null : bytes.toString();
  }
}

/** The key that `keyText` shows as this text; null for a text that it never gives. */
export function keyBytes(text: string, type: KeyType): Buffer | null {
  const bytes = bytesOf(text, type);
  return bytes !== null && keyText(bytes, type) === text ? bytes : null;
}

function bytesOf(text: string, type: KeyType): Buffer | null {
  switch (type) {
    case 'utf8':
      return Buffer.from(text);
    case 'int32':
    case 'int64': {
      if (!/^-?\d{1,19}$/.test(text)) return null;
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(text)));
      return type === 'int64' ? bytes : bytes.subarray(4);
    }
    case 'uuid':
      return Buffer.from(text.replaceAll('-', ''), 'hex');
    case 'hex':
      return Buffer.from(text, 'hex');
    case 'registry':
      return null;
  }
}
