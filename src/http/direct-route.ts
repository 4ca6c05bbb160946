import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestTarget } from './request-target';

/** A route that is served without Express. Throws GatewayError for what it refuses. */
export interface DirectRoute {
  owns(path: string, method: string): boolean;
  handle(req: IncomingMessage, res: ServerResponse, target: RequestTarget): void;
}
