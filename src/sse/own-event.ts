import { encodeFrame } from './frame';

/**
 * An event of the gateway itself, as text.
 * @param id null: it covers nothing
 * @param data is written as JSON
 */
export function ownEvent(id: string | null, event: `gateway.${string}`, data: object): string {
  return encodeFrame(id, event, Buffer.from(JSON.stringify(data))).bytes.toString();
}
