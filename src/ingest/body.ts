import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors';
import type { InFlightPlace } from './in-flight';

/** A body this many times over the limit is not read to its end: the connection is closed instead. */
const DISCARD_FACTOR = 8;

/**
 * The whole body of a request, with or without a length. What is over the limit is read and dropped as far as is
 * sensible, since a client that is still sending would not see an answer on a connection that was closed.
 * @param place counts what is kept; null keeps nothing, and finds no fault: the request is refused anyway
 * @throws GatewayError `event-too-large`
 * @throws GatewayError `too-many-in-flight` when all bodies together are too large
 * @throws GatewayError `bad-request` when the client left before its end
 */
export function readBody(
  req: IncomingMessage,
  maxBytes: number,
  place: InFlightPlace | null,
): Promise<Buffer> {
  const gone = () => new GatewayError('bad-request', 'the connection ended before the body did');
  if (req.destroyed && !req.complete) return Promise.reject(gone());
  return new Promise((resolve, reject) => {
    let parts: Buffer[] = [];
    let bytes = 0;
    let fault: GatewayError | null = null;
    const drop = (why: GatewayError) => {
      fault ??= why;
      parts = [];
    };
    const finish = () => {
      if (fault !== null) reject(fault);
      else resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    };
    req.on('data', (part: Buffer) => {
      bytes += part.length;
      if (place !== null && bytes > maxBytes)
        drop(
          new GatewayError('event-too-large', `the body is over ${maxBytes} bytes`, {
            details: { maxBytes },
          }),
        );
      else if (fault === null && place?.take(part.length) === false)
        drop(new GatewayError('too-many-in-flight'));
      else if (fault === null && place !== null) parts.push(part);
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

/** A compressed body would be stored as it is and shown as junk. */
export function encodingFault(req: IncomingMessage): GatewayError | null {
  const encoding = req.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return null;
  return new GatewayError(
    'unsupported-media-type',
    `Content-Encoding ${encoding} is not taken: send the body as it is`,
    {
      details: { field: 'Content-Encoding' },
    },
  );
}
