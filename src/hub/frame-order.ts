import type { EntryFrame } from './ring';
import type { Subscription } from './subscription';

const BLANK_LINE = Buffer.from('\n');

/**
 * Adds an event to the parts of a write, with its id where the subscription wants it.
 * @param ownId an `id:` line instead of the frame's; null: the frame's own
 * @returns how many bytes it is
 */
export function addFrame(
  parts: Uint8Array[],
  { idFirst }: Pick<Subscription, 'idFirst'>,
  { bytes, bodyEnd }: EntryFrame,
  ownId: Buffer | null,
): number {
  if (ownId === null && !idFirst) {
    parts.push(bytes);
    return bytes.length;
  }
  const body = bytes.subarray(0, bodyEnd);
  const id = ownId ?? bytes.subarray(bodyEnd, bytes.length - BLANK_LINE.length);
  if (idFirst) parts.push(id, body, BLANK_LINE);
  else parts.push(body, id, BLANK_LINE);
  return body.length + id.length + BLANK_LINE.length;
}
