import type { RecordEntry } from '../../src/events/record-entry';
import { encodeRecord } from '../../src/events/record-entry';

/** The entry of a record that nothing keeps from clients. */
export function entryOf(...given: Parameters<typeof encodeRecord>): RecordEntry {
  const entry = encodeRecord(...given);
  if ('leftOut' in entry) throw new Error(`the record was left out: ${entry.leftOut}`);
  if ('until' in entry) throw new Error('the record waits for its schema');
  return entry;
}
