import { isUtf8 } from 'node:buffer';
import { type JsonValue, ValueError, type ValueOptions } from './decoded';

const TWO_32 = 2 ** 32;
/** High words below this make exact numbers. */
const EXACT_HIGH = 2 ** 21;

/** Reads the bytes of one value, with bounds on all that a stranger's bytes can ask for. Every fault is a `ValueError`. */
export class ByteReader {
  readonly bytes: Buffer;
  readonly options: ValueOptions;
  #position: number;
  #end: number;
  #depth = 0;
  #nodesLeft: number;
  /** The upper half of the last varint. */
  #high = 0;

  constructor(bytes: Buffer, start: number, options: ValueOptions) {
    this.bytes = bytes;
    this.options = options;
    this.#position = start;
    this.#end = bytes.length;
    this.#nodesLeft = options.maxNodes;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** An object or a list begins. Not undone after a fault: the whole value is given up then. */
  enter(): void {
    if (++this.#depth > this.options.maxDepth) throw new ValueError('too-complex', 'it is nested too deeply');
  }

  leave(): void {
    this.#depth--;
  }

  /** So many members follow. They may take no bytes at all, so that their number must be bounded by itself. */
  count(nodes: number): void {
    this.#nodesLeft -= nodes;
    if (!(this.#nodesLeft >= 0)) throw new ValueError('too-complex', 'it has too many members');
  }

  byte(): number {
    if (this.#position >= this.#end) throw ended();
    return this.bytes[this.#position++]!;
  }

  /** Goes over so many bytes. @returns where they begin */
  skip(length: number): number {
    const start = this.#position;
    if (!(length >= 0 && length <= this.#end - start)) throw ended();
    this.#position = start + length;
    return start;
  }

  /** What follows ends after so many bytes, until `widen` is called with what this returns. */
  narrow(length: number): number {
    const outer = this.#end;
    if (!(length >= 0 && length <= outer - this.#position)) throw ended();
    this.#end = this.#position + length;
    return outer;
  }

  widen(outer: number): void {
    this.#position = this.#end;
    this.#end = outer;
  }

  /** All that is left. */
  rest(): Buffer {
    const start = this.skip(this.#end - this.#position);
    return this.bytes.subarray(start, this.#end);
  }

  float(): number {
    return this.bytes.readFloatLE(this.skip(4));
  }

  double(): number {
    return this.bytes.readDoubleLE(this.skip(8));
  }

  text(length: number): string {
    const start = this.skip(length);
    const end = start + length;
    const text = this.bytes.toString('utf8', start, end);
    // Only a text that has the sign for what is no UTF-8 needs a closer look.
    if (text.includes('\uFFFD') && !isUtf8(this.bytes.subarray(start, end)))
      throw new ValueError('malformed', 'a text is not UTF-8');
    return text;
  }

  base64(length: number): string {
    const start = this.skip(length);
    return this.bytes.toString('base64', start, start + length);
  }

  /** The lower 32 bits of a varint, unsigned; the upper ones are in `high` then. */
  varint(): number {
    let low = 0;
    let byte = 0;
    this.#high = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low >>> 0;
    }
    byte = this.byte();
    low |= (byte & 0x0f) << 28;
    let high = (byte & 0x7f) >>> 4;
    for (let shift = 3; byte >= 0x80; shift += 7) {
      byte = this.byte();
      // The tenth byte has one bit.
      if (shift === 31 && byte > 1) throw new ValueError('malformed', 'a number has more than 64 bits');
      high |= (byte & 0x7f) << shift;
    }
    this.#high = high >>> 0;
    return low >>> 0;
  }

  get high(): number {
    return this.#high;
  }

  /** A zigzag varint of 64 bits, for counts and lengths: inexact beyond 2^53, where it is too large anyway. */
  zigzag(): number {
    const low = this.varint();
    const high = this.#high;
    if (high === 0) return (low >>> 1) ^ -(low & 1);
    const half = Math.floor(high / 2) * TWO_32 + ((high & 1) * TWO_32 + (low - (low & 1))) / 2;
    return (low & 1) === 0 ? half : -half - 1;
  }

  /** A zigzag varint of 64 bits, exact. */
  zigzagExact(): number | bigint {
    const low = this.varint();
    const high = this.#high;
    if (high < EXACT_HIGH) {
      const raw = high * TWO_32 + low;
      return (low & 1) === 0 ? raw / 2 : -(raw + 1) / 2;
    }
    const raw = (BigInt(high) << 32n) | BigInt(low);
    return narrowed((low & 1) === 0 ? raw >> 1n : -(raw >> 1n) - 1n);
  }

  /** A 64-bit integer as it is shown. */
  shown(value: number | bigint): JsonValue {
    return this.options.int64 === 'string' ? String(value) : value;
  }
}

/** The 64-bit integer of two halves. */
export function integerOf(low: number, high: number, isSigned: boolean): number | bigint {
  if (high < EXACT_HIGH) return high * TWO_32 + low;
  const raw = (BigInt(high) << 32n) | BigInt(low);
  return narrowed(isSigned ? BigInt.asIntN(64, raw) : raw);
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function ended(): ValueError {
  return new ValueError('malformed', 'the bytes end too early');
}
