import { crc32c } from '../../../../../src/eventlog/kafka/protocol/checksums';

describe('crc32c', () => {
  // The vectors of RFC 3720 §B.4, and the check value that CRC catalogues give.
  it.each([
    ['32 zeros', Buffer.alloc(32, 0), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['32 ascending', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['32 descending', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
    ['the digits', Buffer.from('123456789'), 0xe3069283],
    ['nothing', Buffer.alloc(0), 0],
  ])('of %s', (_, bytes, expected) => {
    expect(crc32c(bytes, 0, bytes.length)).toBe(expected);
  });

  it('covers only what lies between start and end', () => {
    expect(crc32c(Buffer.from('xx123456789yyyyyyyyyy'), 2, 11)).toBe(0xe3069283);
  });
});
