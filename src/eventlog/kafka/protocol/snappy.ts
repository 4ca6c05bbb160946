import { copyLiterals, copyMatch } from './lz4';

/** First bytes of the framing of xerial's snappy-java, which Kafka's Java client writes around its blocks. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** Magic, version and lowest compatible version. */
const XERIAL_HEADER_BYTES = 16;

interface Block {
  /** Where the elements begin, behind the length. */
  readonly start: number;
  readonly end: number;
  readonly length: number;
}

/**
 * Decompresses Snappy in both forms that Kafka producers write: one bare block (librdkafka) or snappy-java's framing
 * (https://github.com/google/snappy/blob/main/format_description.txt; xerial's SnappyOutputStream).
 * @throws Error when the input is malformed or would exceed `maxBytes`
 */
export function decompressSnappy(input: Buffer, maxBytes: number): Buffer {
  const blocks = input.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)
    ? framedBlocks(input)
    : [blockAt(input, 0, input.length)];
  const total = blocks.reduce((sum, block) => sum + block.length, 0);
  if (total > maxBytes) throw new Error(`snappy: ${total} bytes are over the limit of ${maxBytes}`);
  const output = Buffer.allocUnsafe(total);
  let at = 0;
  for (const block of blocks) {
    decodeBlock(input, block, output, at);
    at += block.length;
  }
  return output;
}

function framedBlocks(input: Buffer): Block[] {
  const blocks: Block[] = [];
  let at = XERIAL_HEADER_BYTES;
  while (at < input.length) {
    const length = input.readInt32BE(at);
    const start = at + 4;
    if (length < 0 || start + length > input.length) throw new Error('snappy: a block reaches past the end');
    blocks.push(blockAt(input, start, start + length));
    at = start + length;
  }
  return blocks;
}

/** Reads the uncompressed length, a little-endian varint, at the head of a block. */
function blockAt(input: Buffer, at: number, end: number): Block {
  let length = 0;
  for (let i = 0; i < 5 && at + i < end; i++) {
    const byte = input[at + i]!;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { start: at + i + 1, end, length };
  }
  throw new Error('snappy: a block without its length');
}

function decodeBlock(input: Buffer, block: Block, output: Buffer, outputStart: number): void {
  const outputEnd = outputStart + block.length;
  const inputEnd = block.end;
  let from = block.start;
  let at = outputStart;
  while (from < inputEnd) {
    const tag = input[from++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let length = (tag >>> 2) + 1;
      if (length > 60) {
        const bytes = length - 60;
        if (from + bytes > inputEnd) throw new Error('snappy: a literal’s length is cut short');
        length = input.readUIntLE(from, bytes) + 1;
        from += bytes;
      }
      if (from + length > inputEnd || at + length > outputEnd)
        throw new Error('snappy: a literal is too long');
      copyLiterals(input, from, length, output, at);
      from += length;
      at += length;
      continue;
    }
    const bytes = kind === 3 ? 4 : kind;
    if (from + bytes > inputEnd) throw new Error('snappy: a copy is cut short');
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1;
    const distance = kind === 1 ? ((tag >>> 5) << 8) | input[from]! : input.readUIntLE(from, bytes);
    from += bytes;
    if (distance === 0 || distance > at - outputStart)
      throw new Error('snappy: a copy reaches before the start');
    if (at + length > outputEnd) throw new Error('snappy: a copy is too long');
    copyMatch(output, at, distance, length);
    at += length;
  }
  if (at !== outputEnd) throw new Error('snappy: a block is shorter than it says');
}
