import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createDetachedSockets } from '../../src/http/detached-sockets';
import { startGateway } from '../support/gateway';
import { type RawConnection, rawHttp } from '../support/raw-http';
import { until } from '../support/until';

const connections = async (url: string) => Number(await (await fetch(`${url}/connections`)).text());

async function noStreamIsOpen(url: string): Promise<void> {
  await until(async () => (await connections(url)) === 0, 'no stream is open');
}

async function streamsAnEvent(stream: RawConnection, url: string, text: string): Promise<void> {
  const { status } = await fetch(`${url}/broadcast`, { method: 'POST', body: text });
  expect(status).toBe(202);
  await stream.until(`data: ${text}\n\n`);
}

function without(logged: readonly { level: string }[]): readonly { level: string }[] {
  return logged.filter(({ level }) => level === 'warn' || level === 'error');
}

describe.each([
  ['chunked', 'HTTP/1.1'],
  ['bare', 'HTTP/1.0'],
])('a %s stream', (framing, version) => {
  const head = `${version}\r\nHost: x\r\nConnection: keep-alive\r\n`;
  const lastBytes =
    framing === 'chunked'
      ? /retry: \d+\ndata: {"code":"drain"}\n\n\r\n0\r\n\r\n$/
      : /retry: \d+\ndata: {"code":"drain"}\n\n$/;

  it('may follow other requests on its connection (keep-alive)', async () => {
    const { url, port } = await startGateway({ HTTP_KEEP_ALIVE_MS: '300' });
    const post = `POST /broadcast ${head}Content-Length: 2\r\n\r\nhi`;
    const connection = rawHttp(port, post);
    await connection.until(/\r\n\r\n\{[^}]*\}/);
    connection.socket.write(post);
    await connection.until(/\}HTTP[^{]*\{[^}]*\}/);
    connection.socket.write(`GET /sse ${head}\r\n`);
    await connection.until('id: ');
    await streamsAnEvent(connection, url, 'after others');
    expect(await connections(url)).toBe(1);
  });

  it('begins when the whole of its request is there', async () => {
    const { url, port } = await startGateway();
    const split = rawHttp(port, `GET /ss`);
    split.socket.write(`e ${head}\r`);
    split.socket.write('\n');
    await split.until('id: ');
    const body = rawHttp(port, `GET /sse ${head}Content-Length: 10\r\n\r\n01234`);
    body.socket.write('56789');
    await body.until('id: ');
    for (const stream of [split, body]) await streamsAnEvent(stream, url, 'whole');
  });

  it('leaves nothing behind when the client disconnects before or within its head', async () => {
    const gateway = await startGateway();
    const gone = Array.from({ length: 50 }, (_, i) =>
      rawHttp(gateway.port, i % 2 === 0 ? `GET /sse ${head}\r\n` : `GET /sse ${head}`),
    );
    await Promise.all(
      gone.map(
        ({ socket }, i) =>
          new Promise<void>((resolve) => {
            socket.once('close', () => resolve());
            socket.once('connect', () =>
              i % 3 === 0 ? socket.resetAndDestroy() : socket.end().destroySoon(),
            );
          }),
      ),
    );
    await noStreamIsOpen(gateway.url);
    const alive = rawHttp(gateway.port, `GET /sse ${head}\r\n`);
    await alive.until('id: ');
    await streamsAnEvent(alive, gateway.url, 'still here');
    expect(without(gateway.logged)).toEqual([]);
  });

  it('ends without a fault when its client resets the connection', async () => {
    const gateway = await startGateway({ HEARTBEAT_MS: '100', STREAM_CHECK_MS: '20' });
    const streams = Array.from({ length: 20 }, () => rawHttp(gateway.port, `GET /sse ${head}\r\n`));
    await Promise.all(streams.map((stream) => stream.until('id: ')));
    for (const { socket } of streams) socket.resetAndDestroy();
    await noStreamIsOpen(gateway.url);
    expect(without(gateway.logged)).toEqual([]);
  });

  it('closes when the client closes its half', async () => {
    const { url, port } = await startGateway();
    const stream = rawHttp(port, `GET /sse ${head}\r\n`);
    await stream.until('id: ');
    stream.socket.end();
    await stream.closed();
    await noStreamIsOpen(url);
  });

  it('takes empty lines, and closes on anything else that the client sends', async () => {
    const { url, port } = await startGateway();
    const stream = rawHttp(port, `GET /sse ${head}\r\n`);
    await stream.until('id: ');
    stream.socket.write('\r\n\r\n');
    await streamsAnEvent(stream, url, 'after empty lines');
    stream.socket.write(Buffer.alloc(1_000_000, 'x'));
    await stream.closed();
    await noStreamIsOpen(url);
  });

  it('is closed when more was sent behind its request at once', async () => {
    const { url, port } = await startGateway();
    for (const behind of [`GET /sse ${head}\r\n`, 'junk\r\n\r\n', `POST /broadcast ${head}`]) {
      const both = rawHttp(port, `GET /sse ${head}\r\n${behind}`);
      // Half a request is known to be one only when the rest comes.
      if (behind.startsWith('POST')) {
        await both.until('id: ');
        both.socket.write('Content-Length: 0\r\n\r\n');
      }
      const all = await both.closed();
      expect((all.match(/HTTP\/1\.1/g) ?? []).length).toBeLessThanOrEqual(1);
    }
    await noStreamIsOpen(url);
  });

  it('has a head only for HEAD', async () => {
    const { url, port } = await startGateway();
    const stream = rawHttp(port, `HEAD /sse ${head}\r\n`);
    expect(await stream.closed()).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n$/);
    expect(await connections(url)).toBe(0);
  });

  it('ends with a complete body when the gateway stops, and a slow client does not delay the stop', async () => {
    const gateway = await startGateway({ SHUTDOWN_MS: '300', MAX_EVENT_BYTES: '1000000' });
    const stuck = rawHttp(gateway.port, `GET /sse ${head}\r\n`);
    await stuck.until('id: ');
    stuck.socket.pause();
    const reader = rawHttp(gateway.port, `GET /sse ${head}\r\n`);
    await reader.until('id: ');
    const sent = 12;
    for (let i = 0; i < sent; i++) await streamsAnEvent(reader, gateway.url, `${i}${'x'.repeat(900_000)}`);
    const startMs = performance.now();
    await gateway.stop();
    expect(performance.now() - startMs).toBeLessThan(3_000);
    expect((await reader.closed()).slice(-60)).toMatch(lastBytes);
  }, 20_000);
});

it('waits for the body that a client announced with Expect', async () => {
  const { url, port } = await startGateway();
  const stream = rawHttp(
    port,
    'GET /sse HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n',
  );
  await stream.until('HTTP/1.1 100 Continue\r\n\r\n');
  stream.socket.write('hi');
  await stream.until('id: ');
  await streamsAnEvent(stream, url, 'expected');
});

describe('a detached socket', () => {
  interface Taken {
    readonly socket: Socket;
    readonly client: RawConnection;
    readonly req: WeakRef<IncomingMessage>;
    readonly res: WeakRef<ServerResponse>;
    readonly parser: WeakRef<object>;
  }

  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  async function take(
    warnings: string[],
    change: (res: ServerResponse) => void = () => undefined,
  ): Promise<() => Promise<Taken>> {
    const ignore = () => undefined;
    const sockets = createDetachedSockets({
      debug: ignore,
      info: ignore,
      warn: (_fields, message) => void warnings.push(message),
      error: ignore,
    });
    let onTaken: (taken: Omit<Taken, 'client'>) => void;
    const server = createServer((req, res) => {
      change(res);
      const refs = {
        req: new WeakRef(req),
        res: new WeakRef(res),
        parser: new WeakRef((req.socket as Socket & { parser: object }).parser),
      };
      sockets.take(req, res, (socket) => onTaken({ socket, ...refs }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => {
      server.close();
      server.closeAllConnections();
      sockets.destroyAll();
    });
    const { port } = server.address() as AddressInfo;
    return () =>
      new Promise((resolve) => {
        const client = rawHttp(port, `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(1_000)}\r\n\r\n`);
        onTaken = (taken) => resolve({ ...taken, client });
      });
  }

  it('keeps neither its request nor its response', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const warnings: string[] = [];
    const connect = await take(warnings);
    const { socket, client, req, res } = await connect();
    await until(() => {
      collectGarbage();
      return req.deref() === undefined && res.deref() === undefined;
    }, 'the request and the response are gone');
    socket.write('still open');
    await client.until('still open');
    expect(warnings).toEqual([]);
  });

  it('stays with the HTTP server on a version of Node without the internals, which is logged once', async () => {
    const warnings: string[] = [];
    const connect = await take(warnings, (res) => {
      Object.assign(res, { detachSocket: undefined });
    });
    for (const text of ['first', 'second']) {
      const { socket, client, parser } = await connect();
      expect((socket as Socket & { parser: unknown }).parser).toBe(parser.deref());
      socket.write(text);
      await client.until(text);
      client.socket.destroy();
    }
    expect(warnings).toHaveLength(1);
  });
});

it('destroys the stream of a slow client that does not read its end, long before the gateway must stop', async () => {
  const gateway = await startGateway({
    SHUTDOWN_MS: '60000',
    SLOW_GRACE_MS: '300',
    // Looked at by nothing else meanwhile.
    STREAM_CHECK_MS: '60000',
    MAX_EVENT_BYTES: '1000000',
  });
  const stuck = rawHttp(gateway.port, 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n');
  await stuck.until('id: ');
  stuck.socket.pause();
  const sent = 12;
  for (let i = 0; i < sent; i++) {
    const { status } = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: 'x'.repeat(900_000) });
    expect(status).toBe(202);
  }
  const startMs = performance.now();
  await gateway.stop();
  expect(performance.now() - startMs).toBeLessThan(10_000);
}, 20_000);
