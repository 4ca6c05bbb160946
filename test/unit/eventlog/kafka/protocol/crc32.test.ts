import { crc32 } from '../../../../../src/eventlog/kafka/protocol/checksums';

describe('crc32', () => {
  // The check value that CRC catalogues give, and the one of the empty text.
  it.each([
    ['the digits', Buffer.from('123456789'), 0xcbf43926],
    ['nothing', Buffer.alloc(0), 0],
  ])('of %s', (_, bytes, expected) => {
    expect(crc32(bytes, 0)).toBe(expected);
  });

  it('leaves out what lies before the start', () => {
    expect(crc32(Buffer.from('xx123456789'), 2)).toBe(0xcbf43926);
  });
});
