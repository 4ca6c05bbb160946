type Table = Int32Array;

/** CRC-32C (Castagnoli), bits reversed. Node's own `zlib.crc32` computes another CRC-32. */
const CRC32C_POLYNOMIAL = 0x82f63b78;
/** CRC-32 (ISO-HDLC, as in gzip), bits reversed. */
const CRC32_POLYNOMIAL = 0xedb88320;

/** Eight tables, so that the loop takes eight bytes a turn ("slicing by 8"): it runs over every byte that is read. */
const [T0, T1, T2, T3, T4, T5, T6, T7] = tables();

/** The CRC-32C of `bytes` from `start` (included) to `end` (excluded), as an unsigned 32-bit number. */
export function crc32c(bytes: Buffer, start: number, end: number): number {
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    crc =
      T7[crc & 0xff]! ^
      T6[(crc >>> 8) & 0xff]! ^
      T5[(crc >>> 16) & 0xff]! ^
      T4[crc >>> 24]! ^
      T3[bytes[at + 4]!]! ^
      T2[bytes[at + 5]!]! ^
      T1[bytes[at + 6]!]! ^
      T0[bytes[at + 7]!]!;
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ T0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

function tables(): [Table, Table, Table, Table, Table, Table, Table, Table] {
  const first = tableOf(CRC32C_POLYNOMIAL);
  const all = [first];
  for (let i = 0; i < 7; i++) all.push(all[i]!.map((crc) => (crc >>> 8) ^ first[crc & 0xff]!));
  return all as ReturnType<typeof tables>;
}

const CRC32_TABLE = tableOf(CRC32_POLYNOMIAL);

/** The CRC-32 of `bytes` from `start` on, unsigned. The oldest Node that we run on has no `zlib.crc32`. */
export function crc32(bytes: Buffer, start: number): number {
  let crc = -1;
  for (let at = start; at < bytes.length; at++) crc = (crc >>> 8) ^ CRC32_TABLE[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

function tableOf(polynomial: number): Table {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });
}
