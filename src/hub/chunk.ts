const CR = 13;
const LF = 10;
const CRLF_BYTES = 2;

/** Bytes of events, made once and written to many streams. Never changed. */
export class Chunk {
  /** One chunk of HTTP/1.1 chunked coding (RFC 9112 §7.1). */
  readonly framed: Buffer;
  /** How many bytes it is without the framing. */
  readonly bytes: number;
  readonly #start: number;
  #bare: Buffer | null = null;

  /** @param start where in `framed` the bytes begin */
  constructor(framed: Buffer, start: number, bytes: number) {
    this.framed = framed;
    this.bytes = bytes;
    this.#start = start;
  }

  /** Without the framing, for HTTP/1.0. Made when first asked for: hardly any client needs it. */
  get bare(): Buffer {
    this.#bare ??= this.framed.subarray(this.#start, this.#start + this.bytes);
    return this.#bare;
  }
}

export function createChunk(parts: readonly Uint8Array[], bytes: number): Chunk {
  const size = bytes.toString(16);
  const framed = Buffer.allocUnsafe(size.length + bytes + 2 * CRLF_BYTES);
  let at = 0;
  // A few digits, and line ends: the loop is cheaper than calls that write text.
  while (at < size.length) framed[at] = size.charCodeAt(at++);
  framed[at++] = CR;
  framed[at++] = LF;
  const start = at;
  for (const part of parts) {
    framed.set(part, at);
    at += part.length;
  }
  framed[at++] = CR;
  framed[at] = LF;
  return new Chunk(framed, start, bytes);
}
