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
  const size = totalBytes.toString(16);
  const framed = Buffer.allocUnsafe(size.length + totalBytes + 2 * CRLF.length);
  let at = 0;
  // A few digits: the loop is cheaper than a call that writes text.
  while (at < size.length) framed[at] = size.charCodeAt(at++);
  framed.set(CRLF, at);
  at += CRLF.length;
  const start = at;
  for (const part of parts) {
    framed.set(part, at);
    at += part.length;
  }
  framed.set(CRLF, at);
  return { framed, bare: framed.subarray(start, at) };
}
