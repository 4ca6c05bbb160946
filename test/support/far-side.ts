import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FarSide {
  readonly url: string;
  /** What was asked, in order. */
  readonly requests: readonly IncomingMessage[];
  /** Streams that are open: their clients have not left and they have not been ended. */
  readonly open: ReadonlySet<ServerResponse>;
}

/** Answers one request; `turn` counts them from 0. */
export type Answer = (res: ServerResponse, req: IncomingMessage, turn: number) => void;

const closers: (() => Promise<void>)[] = [];

// Registered here, so that no test can forget it.
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that says what the test wants, on a port of its own, gone after the test. */
export async function startFarSide(answer: Answer): Promise<FarSide> {
  const requests: IncomingMessage[] = [];
  const open = new Set<ServerResponse>();
  const server = createServer((req, res) => {
    open.add(res);
    res.on('close', () => open.delete(res));
    answer(res, req, requests.push(req) - 1);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, requests, open };
}

/** The head of a stream, and its first bytes. */
export function beginStream(res: ServerResponse, text = ''): ServerResponse {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
  if (text !== '') res.write(text);
  return res;
}
