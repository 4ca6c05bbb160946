import fc from 'fast-check';
import { decompressLz4 } from '../../../../../src/eventlog/kafka/protocol/lz4';
import { decompressSnappy } from '../../../../../src/eventlog/kafka/protocol/snappy';
import { decompressZstdInJavaScript } from '../../../../../src/eventlog/kafka/protocol/zstd';
import { recordSet } from '../../../../support/fixtures/record-sets';

const MAX_BYTES = 1 << 20;

/** What a compressor may say, in any order it likes: literal bytes, or a match of what was there before. */
interface Step {
  readonly literal: Buffer;
  readonly distance: number;
  readonly length: number;
}

const step = fc.record({
  literal: fc
    .oneof(fc.uint8Array({ minLength: 1, maxLength: 80 }), fc.uint8Array({ minLength: 240, maxLength: 700 }))
    .map((array) => Buffer.from(array)),
  distance: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 5_000 })),
  length: fc.oneof(fc.integer({ min: 4, max: 64 }), fc.integer({ min: 4, max: 1_500 })),
});
const steps = fc.array(step, { minLength: 1, maxLength: 20 });

/** Carries the steps out byte by byte. */
function expand(list: readonly Step[], tail: Buffer): { output: Buffer; distances: number[] } {
  const output: number[] = [];
  const distances: number[] = [];
  for (const { literal, distance, length } of list) {
    output.push(...literal);
    const reach = Math.min(distance, output.length);
    distances.push(reach);
    for (let i = 0; i < length; i++) output.push(output[output.length - reach]!);
  }
  output.push(...tail);
  return { output: Buffer.from(output), distances };
}

function uint32LE(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function snappyLiteral(literal: Buffer): Buffer {
  const last = literal.length - 1;
  if (last < 60) return Buffer.concat([Buffer.from([last << 2]), literal]);
  const bytes = last < 256 ? 1 : 2;
  return Buffer.concat([Buffer.from([(59 + bytes) << 2]), uint32LE(last).subarray(0, bytes), literal]);
}

/** A match in pieces of at most 64 bytes, each in the shortest form, or in the longest when `wide`. */
function snappyMatch(distance: number, length: number, wide: boolean): Buffer {
  const pieces: Buffer[] = [];
  for (let left = length; left > 0; left -= Math.min(left, 64)) {
    const piece = Math.min(left, 64);
    if (wide) pieces.push(Buffer.from([((piece - 1) << 2) | 3]), uint32LE(distance));
    else if (piece >= 4 && piece <= 11 && distance < 2_048) {
      pieces.push(Buffer.from([((distance >>> 8) << 5) | ((piece - 4) << 2) | 1, distance & 0xff]));
    } else pieces.push(Buffer.from([((piece - 1) << 2) | 2, distance & 0xff, distance >>> 8]));
  }
  return Buffer.concat(pieces);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; ; left >>>= 7) {
    if (left < 0x80) return Buffer.from([...bytes, left]);
    bytes.push((left & 0x7f) | 0x80);
  }
}

function lz4Length(length: number): { nibble: number; more: Buffer } {
  if (length < 15) return { nibble: length, more: Buffer.alloc(0) };
  const rest = length - 15;
  return {
    nibble: 15,
    more: Buffer.concat([Buffer.alloc(Math.floor(rest / 255), 255), Buffer.from([rest % 255])]),
  };
}

function lz4Block(list: readonly Step[], distances: readonly number[], tail: Buffer): Buffer {
  const pieces = list.flatMap(({ literal, length }, i) => {
    const literals = lz4Length(literal.length);
    const match = lz4Length(length - 4);
    const distance = distances[i]!;
    return [
      Buffer.from([(literals.nibble << 4) | match.nibble]),
      literals.more,
      literal,
      Buffer.from([distance & 0xff, distance >>> 8]),
      match.more,
    ];
  });
  const literals = lz4Length(tail.length);
  return Buffer.concat([...pieces, Buffer.from([literals.nibble << 4]), literals.more, tail]);
}

const tail = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((array) => Buffer.from(array));

describe('any sequence of literals and matches', () => {
  it('is what snappy makes of it', () => {
    fc.assert(
      fc.property(steps, tail, fc.boolean(), (list, end, wide) => {
        const { output, distances } = expand(list, end);
        const block = Buffer.concat([
          varint(output.length),
          ...list.flatMap(({ literal, length }, i) => [
            snappyLiteral(literal),
            snappyMatch(distances[i]!, length, wide),
          ]),
          snappyLiteral(end),
        ]);
        expect(decompressSnappy(block, output.length).equals(output)).toBe(true);
        expect(() => decompressSnappy(block, output.length - 1)).toThrow();
      }),
    );
  });

  it('is what lz4 makes of it, in compressed and stored blocks', () => {
    fc.assert(
      fc.property(steps, tail, fc.boolean(), (list, end, checksums) => {
        const { output, distances } = expand(list, end);
        const block = lz4Block(list, distances, end);
        const checksum = Buffer.alloc(checksums ? 4 : 0);
        const frame = Buffer.concat([
          Buffer.from('04224d18', 'hex'),
          Buffer.from([0x60 | (checksums ? 0x14 : 0), 0x70, 0]),
          ...[uint32LE(block.length), block, checksum],
          ...[uint32LE(0x80000000 + end.length), end, checksum],
          uint32LE(0),
          checksum,
        ]);
        const expected = Buffer.concat([output, end]);
        expect(decompressLz4(frame, expected.length).equals(expected)).toBe(true);
        expect(() => decompressLz4(frame, expected.length - 1)).toThrow();
      }),
    );
  });
});

describe.each([
  ['snappy', decompressSnappy, recordSet('snappy-raw')],
  ['snappy in its framing', decompressSnappy, recordSet('snappy').subarray(61)],
  ['lz4, linked blocks', decompressLz4, recordSet('lz4-linked')],
  ['lz4', decompressLz4, recordSet('lz4').subarray(61)],
  ['zstd', decompressZstdInJavaScript, recordSet('zstd').subarray(61)],
])('%s that was tampered with', (_, decompress, valid) => {
  it('is refused or stays within the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }), (changes) => {
        const input = Buffer.from(valid);
        for (const [at, byte] of changes) input[at % input.length] = byte;
        let output: Buffer;
        try {
          output = decompress(input, MAX_BYTES);
        } catch (error) {
          expect(String(error)).toMatch(/Error/);
          return;
        }
        expect(output.length).toBeLessThanOrEqual(MAX_BYTES);
      }),
      { numRuns: 200 },
    );
  });
});
