import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors';
import type { InFlightPlace } from './admission';

/** A body this many times over the limit is not read to its end: the connection is closed instead. */
const DISCARD_FACTOR = 8;

/**
 * The whole body of a request, with or without a length. The body of a rejected request is read and dropped, up to a
 * limit: a client that is still sending would not see an answer on a connection that was closed.
 * @param place counts the bytes that are kept; null: there is none
 * @param rejection why the request is rejected, whatever its body is; null: it is not
 * @throws GatewayError the rejection, once the body was read; `event-too-large`; `too-many-in-flight` when all bodies
 *   together are too large; `bad-request` when the client left before its end
 */
export function readBody(
  req: IncomingMessage,
  maxBytes: number,
  place: InFlightPlace | null,
  rejection: GatewayError | null,
): Promise<Buffer> {
  const gone = () => new GatewayError('bad-request', 'the connection ended before the body did');
  if (req.destroyed && !req.complete) return Promise.reject(gone());
  return new Promise((resolve, reject) => {
    let parts: Buffer[] = [];
    let bytes = 0;
    let fault = rejection;
    const finish = () => {
      if (fault !== null) reject(fault);
      else resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    };
    req.on('data', (part: Buffer) => {
      bytes += part.length;
      if (fault === null) {
        if (bytes > maxBytes)
          fault = new GatewayError('event-too-large', `the body is over ${maxBytes} bytes`, {
            details: { maxBytes },
          });
        else if (place?.take(part.length) === false) fault = new GatewayError('too-many-in-flight');
        else parts.push(part);
        if (fault !== null) parts = [];
      }
      if (bytes > maxBytes * DISCARD_FACTOR) {
        req.pause();
        finish();
      }
    });
    req.on('end', finish);
    req.on('close', () => reject(gone()));
    req.on('error', (cause) =>
      reject(new GatewayError('bad-request', 'the body could not be read', { cause })),
    );
  });
}
