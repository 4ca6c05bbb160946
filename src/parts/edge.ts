import type { Config } from '../config';
import { type ClientAddress, createClientAddress } from '../http/client-address';
import { type Cors, createCors } from '../http/cors';
import { createDetachedSockets, type DetachedSockets } from '../http/detached-sockets';
import {
  createOnRejected,
  createRejectionCounts,
  type OnRejected,
  type RejectionCounts,
} from '../http/problem';
import type { AcceptCount } from '../http/server';
import type { Logger } from '../logger';

/** HTTP state shared by all parts that answer requests. */
export interface Edge {
  readonly cors: Cors;
  readonly clientAddress: ClientAddress;
  readonly sockets: DetachedSockets;
  readonly accepts: AcceptCount;
  readonly rejections: RejectionCounts;
  readonly onRejected: OnRejected;
}

export function createEdge({ corsOrigins, trustProxy }: Config['http'], logger: Logger): Edge {
  const rejections = createRejectionCounts();
  return {
    cors: createCors(corsOrigins),
    clientAddress: createClientAddress(trustProxy),
    sockets: createDetachedSockets(logger),
    accepts: { count: 0 },
    rejections,
    onRejected: createOnRejected(rejections, logger),
  };
}
