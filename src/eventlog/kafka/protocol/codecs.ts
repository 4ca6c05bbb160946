import zlib from 'node:zlib';
import { decompressLz4 } from './lz4';
import { decompressSnappy } from './snappy';
import { decompressZstd } from './zstd';

/** Decompresses the records of one batch. Throws when it cannot, or when they are over the limit it was made with. */
export type Codec = (compressed: Buffer) => Buffer;

/** By the number in the lowest three bits of a batch's attributes; 0, not compressed, is not among them. */
export type Codecs = ReadonlyMap<number, Codec>;

/**
 * Default limit of one batch when decompressed: Kafka's default `message.max.bytes` (1 MiB, compressed) with room
 * for a ratio of 32. Without a limit a few kilobytes of a stranger's topic could ask for gigabytes.
 */
export const MAX_BATCH_BYTES = 32 << 20;

/** Every codec that Kafka knows. A batch of more than `maxBatchBytes` when decompressed is refused. */
export function createCodecs(maxBatchBytes: number = MAX_BATCH_BYTES): Codecs {
  return new Map<number, Codec>([
    [1, (compressed) => zlib.gunzipSync(compressed, { maxOutputLength: maxBatchBytes })],
    [2, (compressed) => decompressSnappy(compressed, maxBatchBytes)],
    [3, (compressed) => decompressLz4(compressed, maxBatchBytes)],
    [4, (compressed) => decompressZstd(compressed, maxBatchBytes)],
  ]);
}

/** What these bytes decompress to; 0 stands for bytes that are not compressed. */
export function decompress(codecs: Codecs, number: number, bytes: Buffer): Buffer | Unreadable {
  if (number === 0) return bytes;
  try {
    return codecs.get(number)?.(bytes) ?? codec(`unknown codec ${number}`);
  } catch (error) {
    return codec(String(error));
  }
}

/** Why what stands in a record set cannot be read. */
export interface Unreadable {
  /** `codec`: its compression is unknown, fails, or exceeds the limit. `corrupt`: a wrong checksum, or malformed. */
  readonly reason: 'codec' | 'corrupt';
  /** What was found, for the gateway's own log. */
  readonly detail: string;
}

function codec(detail: string): Unreadable {
  return { reason: 'codec', detail };
}

export function corrupt(detail: string): Unreadable {
  return { reason: 'corrupt', detail };
}
