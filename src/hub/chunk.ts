const CRLF = Buffer.from('\r\n');

/**
 * Bytes for many streams at once: made once, written to each, never changed. `framed` is one chunk of HTTP/1.1
 * chunked coding (RFC 9112 §7.1), `bare` the same without the framing, for HTTP/1.0.
 */
export interface Chunk {
  readonly framed: Buffer;
  readonly bare: Buffer;
}

export function createChunk(parts: readonly Uint8Array[], totalBytes: number): Chunk {
  const size = `${totalBytes.toString(16)}\r\n`;
  const framed = Buffer.allocUnsafe(size.length + totalBytes + CRLF.length);
  let at = framed.write(size, 0, 'latin1');
  const start = at;
  for (const part of parts) {
    framed.set(part, at);
    at += part.length;
  }
  CRLF.copy(framed, at);
  return { framed, bare: framed.subarray(start, at) };
}
