const MAGIC = 0x184d2204;
const MIN_MATCH = 4;
/** A compressed byte stands for at most this many: the longest run that one byte of a length adds. */
const MAX_EXPANSION = 255;
const STORED = 0x80000000;

interface Frame {
  readonly independentBlocks: boolean;
  readonly blockChecksums: boolean;
  readonly contentChecksum: boolean;
  readonly maxBlockBytes: number;
  /** Null when the frame does not say. */
  readonly contentBytes: number | null;
  /** Where the first block begins. */
  readonly start: number;
}

/**
 * Decompresses LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md): linked and independent
 * blocks, with and without checksums and content size; no dictionaries. The frame's own checksums are stepped over:
 * the CRC-32C of Kafka's batch covers the same bytes.
 * @throws Error when the input is malformed or would exceed `maxBytes`
 */
export function decompressLz4(input: Buffer, maxBytes: number): Buffer {
  let output = Buffer.alloc(0);
  let used = 0;
  let from = 0;
  while (from < input.length) {
    const frame = readFrame(input, from);
    const frameStart = used;
    from = frame.start;
    for (;;) {
      const size = input.readUInt32LE(from);
      from += 4;
      if (size === 0) break;
      const stored = size >= STORED;
      const bytes = stored ? size - STORED : size;
      const end = from + bytes;
      if (end > input.length) throw new Error('lz4: a block reaches past the end');
      const most = stored ? bytes : Math.min(frame.maxBlockBytes, bytes * MAX_EXPANSION);
      if (bytes > frame.maxBlockBytes) throw new Error('lz4: a block is larger than its frame allows');
      output = withRoom(output, used, Math.max(most, frame.contentBytes ?? 0), maxBytes);
      if (stored) {
        if (used + bytes > output.length) throw new Error(`lz4: over the limit of ${maxBytes} bytes`);
        input.copy(output, used, from, end);
        used += bytes;
      } else {
        const limit = Math.min(output.length, used + frame.maxBlockBytes);
        used = decodeBlock(
          input,
          from,
          end,
          output,
          used,
          limit,
          frame.independentBlocks ? used : frameStart,
        );
      }
      from = end + (frame.blockChecksums ? 4 : 0);
    }
    if (frame.contentChecksum) from += 4;
    if (from > input.length) throw new Error('lz4: a checksum is cut short');
    if (frame.contentBytes !== null && used - frameStart !== frame.contentBytes) {
      throw new Error('lz4: a frame does not have the length it says');
    }
  }
  return output.subarray(0, used);
}

function readFrame(input: Buffer, at: number): Frame {
  if (input.readUInt32LE(at) !== MAGIC) throw new Error('lz4: not a frame');
  const flags = input.readUInt8(at + 4);
  const maxBlockCode = (input.readUInt8(at + 5) >>> 4) & 7;
  if (flags >>> 6 !== 1) throw new Error('lz4: unknown version of the frame');
  if (flags & 1) throw new Error('lz4: a frame that needs a dictionary');
  if (maxBlockCode < 4) throw new Error('lz4: unknown block size');
  const hasContentSize = (flags & 8) !== 0;
  return {
    independentBlocks: (flags & 32) !== 0,
    blockChecksums: (flags & 16) !== 0,
    contentChecksum: (flags & 4) !== 0,
    maxBlockBytes: 1 << (8 + 2 * maxBlockCode),
    contentBytes: hasContentSize ? Number(input.readBigUInt64LE(at + 6)) : null,
    start: at + (hasContentSize ? 15 : 7),
  };
}

/** Makes room for `more` bytes behind `used`, as far as `maxBytes` allows; the decoder stops at the buffer's end. */
function withRoom(output: Buffer, used: number, more: number, maxBytes: number): Buffer<ArrayBuffer> {
  const wanted = Math.min(maxBytes, used + more);
  if (wanted <= output.length) return output as Buffer<ArrayBuffer>;
  const larger = Buffer.allocUnsafe(Math.min(maxBytes, Math.max(wanted, 2 * output.length)));
  output.copy(larger, 0, 0, used);
  return larger;
}

/** Decodes one block to `output` from `at` up to `limit`; matches reach back to `floor`. Answers where it ended. */
function decodeBlock(
  input: Buffer,
  start: number,
  end: number,
  output: Buffer,
  outputStart: number,
  limit: number,
  floor: number,
): number {
  let from = start;
  let at = outputStart;
  while (from < end) {
    const token = input[from++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (from >= end) throw new Error('lz4: a length is cut short');
        more = input[from++]!;
        literals += more;
      }
    }
    if (from + literals > end || at + literals > limit) throw new Error('lz4: literals are too long');
    copyLiterals(input, from, literals, output, at);
    from += literals;
    at += literals;
    if (from === end) return at; // the last sequence of a block has no match

    if (from + 2 > end) throw new Error('lz4: a match is cut short');
    const distance = input[from]! | (input[from + 1]! << 8);
    from += 2;
    let length = (token & 15) + MIN_MATCH;
    if ((token & 15) === 15) {
      let more = 255;
      while (more === 255) {
        if (from >= end) throw new Error('lz4: a length is cut short');
        more = input[from++]!;
        length += more;
      }
    }
    if (distance === 0 || distance > at - floor) throw new Error('lz4: a match reaches before the start');
    if (at + length > limit) throw new Error('lz4: a match is too long');
    copyMatch(output, at, distance, length);
    at += length;
  }
  throw new Error('lz4: a block ends without its last literals');
}

/** Below this many bytes a plain loop beats a call into the runtime. */
const SHORT = 24;

/** Repeats `length` bytes from `distance` before `at`, also those just written. All of it lies inside `output`. */
export function copyMatch(output: Buffer, at: number, distance: number, length: number): void {
  if (distance >= length && length > SHORT) {
    output.copyWithin(at, at - distance, at - distance + length);
    return;
  }
  for (let i = at; i < at + length; i++) output[i] = output[i - distance]!;
}

/** Copies bytes that are not compressed. The caller has checked both ends. */
export function copyLiterals(input: Buffer, from: number, length: number, output: Buffer, at: number): void {
  if (length > SHORT) {
    input.copy(output, at, from, from + length);
    return;
  }
  for (let i = 0; i < length; i++) output[at + i] = input[from + i]!;
}
