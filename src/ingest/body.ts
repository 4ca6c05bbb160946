import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors';

/** A body this many times over the limit is not read to its end: the connection is closed instead. */
const DISCARD_FACTOR = 8;

/**
 * The whole body of a request, with or without a length. What is over the limit is read and dropped as far as is
 * sensible, since a client that is still sending would not see an answer on a connection that was closed.
 * @throws GatewayError `event-too-large`
 * @throws GatewayError `bad-request` when the client left before its end
 */
export function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    const tooLarge = () =>
      new GatewayError('event-too-large', `the body is over ${maxBytes} bytes`, { details: { maxBytes } });
    req.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= maxBytes) parts.push(part);
      else if (bytes > maxBytes * DISCARD_FACTOR) {
        req.pause();
        reject(tooLarge());
      }
    });
    req.on('end', () => {
      if (bytes > maxBytes) reject(tooLarge());
      else resolve(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    });
    req.on('close', () =>
      reject(new GatewayError('bad-request', 'the connection ended before the body did')),
    );
    req.on('error', (cause) =>
      reject(new GatewayError('bad-request', 'the body could not be read', { cause })),
    );
  });
}

/** A compressed body would be stored as it is and shown as junk. */
export function encodingFault(req: IncomingMessage): GatewayError | null {
  const encoding = req.headers['content-encoding'];
  if (encoding === undefined || encoding === 'identity') return null;
  return new GatewayError('unsupported-media-type', `Content-Encoding ${encoding} is not supported`, {
    details: { field: 'Content-Encoding' },
  });
}
