import type { LogRecord, NewRecord } from './event-log';

/** Bytes of a record's key, value and headers; what it takes up besides is left to bounds on the number of records. */
export function contentBytes({
  key,
  value,
  headers,
}: Pick<LogRecord | NewRecord, 'key' | 'value' | 'headers'>): number {
  let bytes = (key === null ? 0 : Buffer.byteLength(key)) + (value?.length ?? 0);
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0);
  return bytes;
}
