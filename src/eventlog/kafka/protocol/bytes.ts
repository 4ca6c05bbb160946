/** Of 32 bits. */
const MAX_UVARINT_BYTES = 5;

/** Reads Kafka's encodings from a buffer, in order (https://kafka.apache.org/protocol.html#protocol_types). */
export class Reader {
  readonly #buffer: Buffer;
  at: number;

  constructor(buffer: Buffer, at = 0) {
    this.#buffer = buffer;
    this.at = at;
  }

  int8(): number {
    return this.#buffer.readInt8(this.at++);
  }

  int16(): number {
    this.at += 2;
    return this.#buffer.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.#buffer.readInt32BE(this.at - 4);
  }

  int64(): bigint {
    this.at += 8;
    return this.#buffer.readBigInt64BE(this.at - 8);
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  /** Behind an int16 length; null when that is −1. */
  string(): string | null {
    const length = this.int16();
    return length === -1 ? null : this.take(length).toString();
  }

  /** Behind an int32 length; null when that is −1. */
  blob(): Buffer | null {
    const length = this.int32();
    return length === -1 ? null : this.take(length);
  }

  /** Behind an int32 count. */
  array<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.int32(); left > 0; left--) items.push(item());
    return items;
  }

  /** An unsigned varint of up to 32 bits. */
  uvarint(): number {
    let value = 0;
    for (let i = 0; i < MAX_UVARINT_BYTES; i++) {
      const byte = this.int8() & 0xff;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return value;
    }
    throw new RangeError('a length of more than 5 bytes');
  }

  /** Behind a length that is one more than it is; 0 is null, which the protocol uses for empty here. */
  compactBlob(): Buffer {
    return this.take(Math.max(0, this.uvarint() - 1));
  }

  compactString(): string {
    return this.compactBlob().toString();
  }

  compactArray<T>(item: () => T): T[] {
    const items: T[] = [];
    for (let left = this.uvarint() - 1; left > 0; left--) items.push(item());
    return items;
  }

  /** Tagged fields (KIP-482). Those that `known` does not read are passed over. */
  tags(known: (tag: number) => void = () => undefined): void {
    for (let left = this.uvarint(); left > 0; left--) {
      const tag = this.uvarint();
      const size = this.uvarint();
      const start = this.at;
      this.take(size);
      const end = this.at;
      this.at = start;
      known(tag);
      this.at = end;
    }
  }

  /** A zig-zag varint of up to 64 bits. Lengths and deltas of offsets and times are safe integers; others are junk. */
  varint(): number {
    const first = this.#buffer[this.at++];
    if (first === undefined) throw new RangeError('a number is cut short');
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let value = first & 0x7f;
    let scale = 0x80;
    for (let i = 1; i < 10; i++) {
      const byte = this.#buffer[this.at++];
      if (byte === undefined) throw new RangeError('a number is cut short');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 0x80;
    }
    throw new RangeError('a number is too long');
  }

  /** Bytes behind a zig-zag length; null when that is −1. */
  varBlob(): Buffer | null {
    const length = this.varint();
    return length === -1 ? null : this.take(length);
  }

  /** UTF-8 behind its zig-zag length in bytes; `guess` itself when it is that, which costs no new string. */
  varString(guess: string): string {
    const length = this.varint();
    const start = this.at;
    this.#skip(length);
    return this.#isAscii(guess, start) ? guess : this.#buffer.toString('utf8', start, this.at);
  }

  /** A view of the next bytes. @throws RangeError when there are fewer */
  take(length: number): Buffer {
    const start = this.at;
    this.#skip(length);
    return this.#buffer.subarray(start, this.at);
  }

  #skip(length: number): void {
    const end = this.at + length;
    if (length < 0 || end > this.#buffer.length)
      throw new RangeError(`${length} bytes at ${this.at} of ${this.#buffer.length}`);
    this.at = end;
  }

  /** Whether what was read from `start` on is this text, of ASCII alone. */
  #isAscii(text: string, start: number): boolean {
    if (text.length !== this.at - start) return false;
    for (let i = 0; i < text.length; i++) {
      const byte = this.#buffer[start + i]!;
      if (byte > 0x7f || byte !== text.charCodeAt(i)) return false;
    }
    return true;
  }
}

/** Bytes that a writer begins with unless told otherwise. */
const START_BYTES = 512;

export class Writer {
  #buffer: Buffer;
  #at = 0;

  /** @param bytes how much there will be: it need not grow then */
  constructor(bytes = START_BYTES) {
    // A varint reserves its longest form.
    this.#buffer = Buffer.allocUnsafe(bytes + MAX_UVARINT_BYTES);
  }

  /** What was written so far; a view. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  int8(value: number): this {
    this.#reserve(1);
    this.#at = this.#buffer.writeInt8(value, this.#at);
    return this;
  }

  int16(value: number): this {
    this.#reserve(2);
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#reserve(4);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
    return this;
  }

  uint32(value: number): this {
    this.#reserve(4);
    this.#at = this.#buffer.writeUInt32BE(value, this.#at);
    return this;
  }

  int64(value: bigint): this {
    this.#reserve(8);
    this.#at = this.#buffer.writeBigInt64BE(value, this.#at);
    return this;
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0);
  }

  /** Behind an int16 length, which is −1 for null. */
  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = Buffer.byteLength(value);
    return this.int16(bytes).#text(value, bytes);
  }

  /** Behind an int32 length. */
  blob(value: Buffer): this {
    return this.int32(value.length).raw(value);
  }

  uvarint(value: number): this {
    this.#reserve(MAX_UVARINT_BYTES);
    // Locals, since this runs several times for each record that is appended.
    const buffer = this.#buffer;
    let at = this.#at;
    let rest = value;
    while (rest > 0x7f) {
      buffer[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.#at = at;
    return this;
  }

  compactString(value: string): this {
    const bytes = Buffer.byteLength(value);
    return this.uvarint(bytes + 1).#text(value, bytes);
  }

  /** The zig-zag form of a 32-bit integer. */
  varint(value: number): this {
    return this.uvarint(zigZag(value));
  }

  /** Behind a zig-zag length, which is −1 for null. */
  varBlob(value: Buffer | null): this {
    return value === null ? this.varint(-1) : this.varint(value.length).raw(value);
  }

  /** UTF-8 behind its zig-zag length in bytes. */
  varString(value: string): this {
    const bytes = Buffer.byteLength(value);
    return this.varint(bytes).#text(value, bytes);
  }

  raw(value: Buffer): this {
    this.#reserve(value.length);
    this.#at += value.copy(this.#buffer, this.#at);
    return this;
  }

  #text(value: string, bytes: number): this {
    this.#reserve(bytes);
    this.#at += this.#buffer.write(value, this.#at);
    return this;
  }

  #reserve(bytes: number): void {
    const wanted = this.#at + bytes;
    if (wanted > this.#buffer.length) this.#grow(wanted);
  }

  #grow(wanted: number): void {
    const larger = Buffer.allocUnsafe(Math.max(wanted, this.#buffer.length * 2));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/** Bytes of `Writer.varint`. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = zigZag(value); rest > 0x7f; rest >>>= 7) bytes++;
  return bytes;
}

function zigZag(value: number): number {
  return ((value << 1) ^ (value >> 31)) >>> 0;
}
