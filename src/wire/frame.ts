import type { Allocate } from '../slabs';

/**
 * The wire format of Server-Sent Events (HTML standard §9.2.5), as bytes. Pure. Lines end in LF; data is split at
 * CRLF, CR and LF, since each of them ends a line for a browser; text that cannot be written safely is rejected, never
 * repaired.
 */

const LF = 10;
const CR = 13;
const DATA = Buffer.from('data: ');

/** Why a text is not allowed in an `event:` or `id:` line, or null. NUL is rejected too: browsers ignore an id with one. */
export function lineFault(text: string): string | null {
  return /[\r\n\0]/.test(text) ? 'must not contain CR, LF or NUL' : null;
}

export interface Frame {
  /** `event:`, `data:` and `id:` lines and the blank line that ends them. */
  readonly bytes: Buffer;
  /** End of the `event:` and `data:` lines, which are the same for every stream. The `id:` line, if any, follows. */
  readonly bodyEnd: number;
}

/** The line alone, for streams with their own ids. @throws TypeError when `id` holds CR, LF or NUL */
export function idLine(id: string): string {
  return `id: ${oneLine('id', id)}\n`;
}

/**
 * One event as bytes. The id is its last line: a client must not take it over without the whole event.
 * @param id or the whole line, as `idLine` makes it; null leaves the line out
 * @param event null leaves the line out: the browser then dispatches `message`
 * @param data UTF-8, any line ends; empty data is an event too
 * @param allocate unset: outside Node's pool, where one frame that is kept would keep 8 KiB
 * @throws TypeError when `id` or `event` holds CR, LF or NUL
 */
export function encodeFrame(
  id: string | Uint8Array | null,
  event: string | null,
  data: Buffer,
  allocate: Allocate = Buffer.allocUnsafeSlow,
): Frame {
  const ownId = typeof id === 'string' ? idLine(id) : (id ?? '');
  const eventLine = event === null ? '' : `event: ${oneLine('event', event)}\n`;
  const lines = lineEnds(data);
  // Every line costs its `data: ` and LF; of a CRLF one byte is left out.
  const bodyEnd =
    Buffer.byteLength(eventLine) + data.length - lines.breakBytes + lines.count * (DATA.length + 1);
  const bytes = allocate(bodyEnd + Buffer.byteLength(ownId) + 1);
  let at = bytes.write(eventLine, 0);
  for (let from = 0; from <= data.length; ) {
    const end = lines.count === 1 ? data.length : lineEnd(data, from);
    at += DATA.copy(bytes, at);
    at += data.copy(bytes, at, from, end);
    bytes[at++] = LF;
    from = end + (data[end] === CR && data[end + 1] === LF ? 2 : 1);
  }
  if (typeof ownId === 'string') bytes.write(ownId, at);
  else bytes.set(ownId, at);
  at = bytes.length - 1;
  bytes[at] = LF;
  return { bytes, bodyEnd };
}

/** The data that `encodeFrame` was given, with LF as line ends: read back from the frame, so that it is kept only once. */
export function dataOf({ bytes, bodyEnd }: Frame): string {
  const dataStart = bytes[0] === DATA[0] ? 0 : bytes.indexOf(LF) + 1;
  // Each LF within the data is followed by the next line's `data: `.
  return bytes.toString('utf8', dataStart + DATA.length, bodyEnd - 1).replaceAll('\ndata: ', '\n');
}

/** A comment that keeps the connection open. One line break: a blank line would end a block without data. */
export const HEARTBEAT = ':\n';

function oneLine(field: string, text: string): string {
  const fault = lineFault(text);
  if (fault !== null) throw new TypeError(`${field} ${fault}`);
  return text;
}

/** How many lines the data is, and how many bytes its line breaks take. */
function lineEnds(data: Buffer): { count: number; breakBytes: number } {
  if (!data.includes(LF) && !data.includes(CR)) return { count: 1, breakBytes: 0 };
  let count = 1;
  let breakBytes = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i] !== LF && data[i] !== CR) continue;
    if (data[i] === CR && data[i + 1] === LF) i++;
    count++;
  }
  for (const byte of data) if (byte === LF || byte === CR) breakBytes++;
  return { count, breakBytes };
}

function lineEnd(data: Buffer, from: number): number {
  let end = from;
  while (end < data.length && data[end] !== LF && data[end] !== CR) end++;
  return end;
}
