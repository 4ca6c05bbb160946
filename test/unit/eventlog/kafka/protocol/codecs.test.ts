import zlib from 'node:zlib';
import { createCodecs } from '../../../../../src/eventlog/kafka/protocol/codecs';
import { decompressLz4 } from '../../../../../src/eventlog/kafka/protocol/lz4';
import { decompressSnappy } from '../../../../../src/eventlog/kafka/protocol/snappy';
import { decompressZstd, decompressZstdInJavaScript } from '../../../../../src/eventlog/kafka/protocol/zstd';
import { pattern, type RecordSetName, recordSet } from '../../../../support/fixtures/record-sets';

type Decompress = (input: Buffer, maxBytes: number) => Buffer;

const cases: [RecordSetName, string, Decompress][] = [
  ['snappy-raw', 'snappy', decompressSnappy],
  ['lz4-linked', 'lz4', decompressLz4],
  ['lz4-independent', 'lz4', decompressLz4],
  ['zstd-sized', 'zstd of this Node', decompressZstd],
  ['zstd-sized', 'zstd in JavaScript', decompressZstdInJavaScript],
  ['zstd-wide', 'zstd in JavaScript', decompressZstdInJavaScript],
];

describe.each(cases)('%s, read by %s', (name, _, decompress) => {
  const expected = pattern();

  it('gives back what the reference tool compressed', () => {
    expect(decompress(recordSet(name), expected.length).equals(expected)).toBe(true);
  });

  it('refuses what is one byte over the limit', () => {
    expect(() => decompress(recordSet(name), expected.length - 1)).toThrow();
  });

  it('throws wherever it is cut short', () => {
    const whole = recordSet(name);
    for (let length = 1; length < whole.length; length += 101) {
      expect(() => decompress(whole.subarray(0, length), expected.length)).toThrow();
    }
  });
});

describe('frames in a row', () => {
  it.each<[RecordSetName, Decompress]>([
    ['lz4-linked', decompressLz4],
    ['zstd-wide', decompressZstdInJavaScript],
  ])('are read as one: %s', (name, decompress) => {
    const twice = Buffer.concat([recordSet(name), recordSet(name)]);
    const expected = Buffer.concat([pattern(), pattern()]);
    expect(decompress(twice, 400_000).equals(expected)).toBe(true);
    expect(() => decompress(twice, 399_999)).toThrow();
  });

  it('may have skippable ones of zstd between them', () => {
    const skippable = Buffer.from('532a4d1803000000aabbcc', 'hex');
    const framed = Buffer.concat([skippable, recordSet('zstd-sized'), skippable]);
    expect(decompressZstdInJavaScript(framed, 200_000).equals(pattern())).toBe(true);
  });
});

describe('a bomb', () => {
  const maxBytes = 1 << 20;

  it('of gzip ends at the limit', () => {
    const bomb = zlib.gzipSync(Buffer.alloc(maxBytes + 1));
    expect(bomb.length).toBeLessThan(2_000);
    expect(() => createCodecs(maxBytes).get(1)?.(bomb)).toThrow();
    expect(createCodecs(maxBytes + 1).get(1)?.(bomb)).toHaveLength(maxBytes + 1);
  });

  it('of snappy is seen in the length it gives', () => {
    expect(() => decompressSnappy(Buffer.from('ffffffff0f00', 'hex'), maxBytes)).toThrow('over the limit');
  });

  it('of zstd is seen in its window before that is allocated', () => {
    const twoGigabytes = Buffer.from('28b52ffda0ffffff7f010000', 'hex');
    expect(() => decompressZstdInJavaScript(twoGigabytes, maxBytes)).toThrow('over the limit');
  });

  it('of zstd ends at the limit', () => {
    // Two run-length blocks of 2^20 zeros each, in a window of 1 MiB.
    const bomb = Buffer.from('28b52ffd0050' + '02008000' + '03008000', 'hex');
    expect(decompressZstdInJavaScript(bomb, 2 * maxBytes)).toHaveLength(2 * maxBytes);
    expect(() => decompressZstdInJavaScript(bomb, 2 * maxBytes - 1)).toThrow('over the limit');
  });

  it('of lz4 ends at the limit', () => {
    const run = Buffer.alloc(8_000, 0xff);
    const block = Buffer.concat([Buffer.from([0x1f, 0x00, 0x01, 0x00]), run, Buffer.from([0, 0])]);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    const bomb = Buffer.concat([Buffer.from('04224d18607000', 'hex'), size, block]);
    expect(() => decompressLz4(bomb, maxBytes)).toThrow('too long');
  });
});

describe('malformed input is refused, not obeyed', () => {
  // A literal whose length has all 32 bits set: read as signed, it would send the position back for ever.
  it.each(['04fcfbffffff61626364', '04fcffffffff61626364', '0401', '0400', '04016100', '0a0061', ''])(
    'snappy %s',
    (hex) => {
      expect(() => decompressSnappy(Buffer.from(hex, 'hex'), 1_000)).toThrow();
    },
  );

  it.each([
    ['not a frame', '00000000000000'],
    ['a dictionary', '04224d18614000000000000000'],
    ['a match before the start', '04224d186040000500000010610200000000000000'],
    ['a block over its size', '04224d18604000ffffff7f'],
    ['a block that never ends', '04224d186040000100000010'],
  ])('lz4: %s', (_, hex) => {
    expect(() => decompressLz4(Buffer.from(hex, 'hex'), 1_000)).toThrow();
  });

  it('lz4: an independent block may not reach into the one before', () => {
    const literals = `09000000${'80'}${Buffer.from('abcdefgh').toString('hex')}`;
    const matchAtDistance8 = '05000000' + '00' + '0800' + '1078';
    const body = `${literals}${matchAtDistance8}00000000`;
    expect(decompressLz4(Buffer.from(`04224d18404000${body}`, 'hex'), 100).toString()).toBe('abcdefghabcdx');
    expect(() => decompressLz4(Buffer.from(`04224d18604000${body}`, 'hex'), 100)).toThrow('before the start');
  });
});
