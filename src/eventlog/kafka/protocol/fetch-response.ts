import { GatewayError } from '../../../errors';

/** A transaction whose records, from `firstOffset` to its abort marker, are not to be delivered. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  /** Kafka's error code; 0 is none. */
  readonly errorCode: number;
  /** −1 when the broker does not know, as in most errors. */
  readonly highWatermark: bigint;
  /** End of what a reader of committed records may see; −1 when the broker does not know. */
  readonly lastStableOffset: bigint;
  readonly logStart: bigint;
  readonly abortedTransactions: readonly AbortedTransaction[];
  /**
   * Null while what was fetched before is in this log. Else the latest epoch up to the one asked with that this log
   * has, and where that ends: what was fetched beyond is of a log that was truncated. −1 stands for none.
   */
  readonly diverging: { readonly leaderEpoch: number; readonly endOffset: bigint } | null;
  /** A view of the answer; empty when there are no records. */
  readonly recordSet: Buffer;
}

export interface FetchResponse {
  /** How long the broker asks not to be asked again. */
  readonly throttleMs: number;
  /** Of the whole answer; 0 is none. */
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

const DIVERGING_EPOCH = 0;
const MAX_UVARINT_BYTES = 5;

/**
 * Reads the body of a Fetch answer, version 12: what follows the correlation id
 * (https://kafka.apache.org/protocol.html#The_Messages_Fetch).
 * @throws GatewayError `log-unavailable` when the body is not one
 */
export function decodeFetchResponse(body: Buffer): FetchResponse {
  try {
    return decode(body);
  } catch (error) {
    throw new GatewayError('log-unavailable', 'a broker’s answer to Fetch cannot be read', { cause: error });
  }
}

function decode(body: Buffer): FetchResponse {
  let at = 0;
  const int16 = () => {
    at += 2;
    return body.readInt16BE(at - 2);
  };
  const int32 = () => {
    at += 4;
    return body.readInt32BE(at - 4);
  };
  const int64 = () => {
    at += 8;
    return body.readBigInt64BE(at - 8);
  };
  const bytes = (length: number) => {
    if (length < 0 || at + length > body.length)
      throw new RangeError(`${length} bytes at ${at} of ${body.length}`);
    at += length;
    return body.subarray(at - length, at);
  };
  const uvarint = () => {
    let value = 0;
    for (let i = 0; i < MAX_UVARINT_BYTES; i++) {
      const byte = bytes(1)[0]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new RangeError('a length of more than 5 bytes');
  };
  /** Lengths are one more than they are; 0 is null, which the protocol uses for empty here. */
  const compactBytes = () => bytes(Math.max(0, uvarint() - 1));
  const array = <T>(item: () => T): T[] => {
    const items: T[] = [];
    for (let left = uvarint() - 1; left > 0; left--) items.push(item());
    return items;
  };
  const tags = (known: (tag: number) => void = () => undefined) => {
    for (let left = uvarint(); left > 0; left--) {
      const tag = uvarint();
      const size = uvarint();
      bytes(size);
      const end = at;
      at -= size;
      known(tag);
      at = end;
    }
  };

  tags(); // of the response's header
  const throttleMs = int32();
  const errorCode = int16();
  int32(); // session id: we ask for none
  const partitions: FetchedPartition[] = [];
  array(() => {
    const topic = compactBytes().toString();
    array(() => {
      const head = {
        topic,
        partition: int32(),
        errorCode: int16(),
        highWatermark: int64(),
        lastStableOffset: int64(),
        logStart: int64(),
        abortedTransactions: array(() => {
          const transaction = { producerId: int64(), firstOffset: int64() };
          tags();
          return transaction;
        }),
      };
      int32(); // preferred read replica: given only to readers that name their rack
      const recordSet = compactBytes();
      let diverging: FetchedPartition['diverging'] = null;
      tags((tag) => {
        if (tag === DIVERGING_EPOCH) diverging = { leaderEpoch: int32(), endOffset: int64() };
      });
      partitions.push({ ...head, diverging, recordSet });
    });
    tags();
  });
  tags();
  return { throttleMs, errorCode, partitions };
}
