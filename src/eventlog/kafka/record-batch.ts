import type { LogRecord } from '../event-log';
import type { Codecs } from './codecs';
import type { AbortedTransaction } from './fetch-response';

export interface RecordGap {
  readonly from: bigint;
  readonly to: bigint;
  readonly reason: 'codec' | 'corrupt';
}

export interface DecodedRecords {
  readonly records: readonly LogRecord[];
  readonly next: bigint;
  readonly gaps: readonly RecordGap[];
}

export function decodeRecordSet(
  _recordSet: Buffer,
  _fetchOffset: bigint,
  _aborted: readonly AbortedTransaction[],
  _codecs?: Codecs,
): DecodedRecords {
  throw new Error('not written yet');
}
