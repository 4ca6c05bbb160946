export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStart: bigint;
  readonly abortedTransactions: readonly AbortedTransaction[];
  readonly recordSet: Buffer;
}

export interface FetchResponse {
  readonly throttleMs: number;
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

export function decodeFetchResponse(_body: Buffer): FetchResponse {
  throw new Error('not written yet');
}
