/** The polynomial of CRC-32 (ISO-HDLC, as in gzip), bits reversed. */
const POLYNOMIAL = 0xedb88320;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/**
 * The CRC-32 of `bytes` from `start` (included) to the end, as an unsigned 32-bit number. Ours, since the oldest Node we
 * run on has no `zlib.crc32`.
 */
export function crc32(bytes: Buffer, start: number): number {
  let crc = -1;
  for (let at = start; at < bytes.length; at++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
