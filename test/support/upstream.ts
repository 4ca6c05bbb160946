import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

/** The far side of nginx: an upstream that does what the test says and remembers what it was asked. */
export interface Upstream {
  readonly address: string;
  readonly seen: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[];
  behave(behaviour: Behaviour): void;
}

const servers: Server[] = [];

/** Closed after the file's last test. */
export async function openUpstream(behaviour: Behaviour): Promise<Upstream> {
  const seen: Upstream['seen'] = [];
  let current = behaviour;
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method!, url: request.url!, headers: request.headers, body });
    current(request, response);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    behave(next) {
      current = next;
    },
  };
}

afterAll(async () => {
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

/** Nothing but a status, and headers if any. */
export const status =
  (code: number, headers: Record<string, string> = {}): Behaviour =>
  (_, response) => {
    response.writeHead(code, headers);
    response.end();
  };

/** A stream of one event, which ends. */
export const oneEvent: Behaviour = (_, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
  response.end('data: here\n\n');
};

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** One request over a connection of its own. Not fetch: that hides the Connection header's meaning and normalises paths. */
export function ask(
  { url }: { readonly url: string },
  method: string,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((done, fail) => {
    const { hostname, port } = new URL(url);
    const headers = { ...options.headers };
    const sent = request({ hostname, port, method, path, headers, agent: false }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      done({ status: response.statusCode!, headers: response.headers, body });
    });
    sent.on('error', fail);
    sent.end(options.body);
  });
}
