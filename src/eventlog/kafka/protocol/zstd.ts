import zlib from 'node:zlib';
import { Decompress } from 'fzstd';

/** Node has it from 22.15 and 23.8 on; the types in use are those of the oldest Node we run on. */
const native = (
  zlib as { zstdDecompressSync?: (input: Buffer, options: { maxOutputLength: number }) => Buffer }
).zstdDecompressSync;

/**
 * Decompresses Zstandard with Node's own decoder, else with fzstd. The latter does not check the lengths of matches:
 * memory stays bounded, but a batch made with malice can keep it busy for seconds. Who reads topics of strangers
 * wants a Node that has its own.
 * @throws Error when the input is malformed or would exceed `maxBytes`
 */
export function decompressZstd(input: Buffer, maxBytes: number): Buffer {
  return native === undefined
    ? decompressZstdInJavaScript(input, maxBytes)
    : native(input, { maxOutputLength: maxBytes });
}

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK_BYTES = 128 << 10;
const MIN_WINDOW_BYTES = 1 << 10;

interface Frame {
  readonly end: number;
  readonly singleSegment: boolean;
  /** Upper bound of what its blocks can hold. */
  readonly mostBytes: number;
  readonly windowBytes: number;
}

/** As `decompressZstd`, whatever Node has. */
export function decompressZstdInJavaScript(input: Buffer, maxBytes: number): Buffer {
  const parts: Uint8Array[] = [];
  let total = 0;
  const stream = (frame: Buffer) =>
    new Decompress((part) => {
      total += part.length;
      if (total > maxBytes) throw new Error(`zstd: over the limit of ${maxBytes} bytes`);
      parts.push(part);
    }).push(frame, true);

  for (let at = 0; at < input.length; ) {
    const magic = input.readUInt32LE(at);
    if (magic >>> 4 === SKIPPABLE_MAGIC >>> 4) {
      at += 8 + input.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== MAGIC) throw new Error('zstd: not a frame');
    const frame = frameAt(input, at);
    stream(withSmallWindow(input.subarray(at, frame.end), frame, maxBytes));
    at = frame.end;
  }
  return Buffer.concat(parts, total);
}

/** Walks the blocks of a frame (RFC 8878 §3.1.1) without decompressing them. */
function frameAt(input: Buffer, start: number): Frame {
  const descriptor = input.readUInt8(start + 4);
  const singleSegment = (descriptor & 0x20) !== 0;
  let at = start + 5;
  let windowBytes = 0;
  if (!singleSegment) {
    const window = input.readUInt8(at++);
    windowBytes = 2 ** (10 + (window >>> 3)) * (1 + (window & 7) / 8);
  }
  at += [0, 1, 2, 4][descriptor & 3]!; // dictionary id
  const sizeBytes = descriptor >>> 6 === 0 ? Number(singleSegment) : 1 << (descriptor >>> 6);
  if (singleSegment) {
    windowBytes = sizeBytes === 8 ? Number(input.readBigUInt64LE(at)) : input.readUIntLE(at, sizeBytes);
    if (sizeBytes === 2) windowBytes += 256;
  }
  at += sizeBytes;
  let mostBytes = 0;
  for (let last = false; !last; ) {
    const head = input.readUIntLE(at, 3);
    const kind = (head >>> 1) & 3;
    const size = head >>> 3;
    last = (head & 1) !== 0;
    mostBytes += kind === 2 ? MAX_BLOCK_BYTES : size;
    at += 3 + (kind === 1 ? 1 : size);
  }
  if (descriptor & 4) at += 4; // its checksum: the CRC-32C of Kafka's batch covers the same bytes
  if (at > input.length) throw new Error('zstd: a frame is cut short');
  return { end: at, singleSegment, mostBytes, windowBytes };
}

/**
 * The frame with a window no larger than its content can use. fzstd allocates the window whole and moves it at each
 * block, and a producer's window is set by its compression level: 2 MiB at Java's default, for batches of kilobytes.
 */
function withSmallWindow(
  frame: Buffer,
  { singleSegment, mostBytes, windowBytes }: Frame,
  maxBytes: number,
): Buffer {
  if (singleSegment) {
    if (windowBytes > maxBytes) throw new Error(`zstd: over the limit of ${maxBytes} bytes`);
    return frame;
  }
  const useful = Math.max(MIN_WINDOW_BYTES, Math.min(mostBytes, maxBytes));
  const exponent = Math.ceil(Math.log2(useful));
  if (windowBytes <= 2 ** exponent) return frame;
  const copy = Buffer.from(frame);
  copy[5] = (exponent - 10) << 3;
  return copy;
}
