import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What lies between a client and a server, and can fail as networks do. */
export interface TcpProxy {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  /** Ends all connections at once; new ones are ended too until `mend`. */
  cut(): void;
  /** A partition that drops packets: connections stay and are still accepted, but no byte passes until `mend`. */
  stall(): void;
  /** What the server says is lost, while it still gets all that clients send, until `mend`. */
  mute(): void;
  /** Each byte takes this much longer, in both directions, until `mend`. */
  slow(delayMs: number): void;
  /** Connections that were accepted so far. */
  readonly accepted: number;
  /**
   * Ends each connection that is open now in the middle of its answer. Told all that has passed on one since this call,
   * `place` says how much of it may still reach the client; -1 while that cannot be said yet.
   *
   * @returns resolves when all of them have ended
   */
  tear(place: (passed: Buffer) => number): Promise<void>;
  /** Replaces these bytes on their way to the client by others of the same length, until `mend`. */
  tamper(bytes: Buffer, by: Buffer): void;
  mend(): void;
}

export interface TcpProxyOptions {
  /** 0 (default): a free one. */
  readonly port?: number;
  /** Keep it for all tests of the file, instead of the running one. */
  readonly forAllTests?: boolean;
}

const openForTest = new Set<() => Promise<void>>();
const openForFile = new Set<() => Promise<void>>();

async function closeAll(proxies: Set<() => Promise<void>>): Promise<void> {
  for (const close of proxies) await close();
  proxies.clear();
}

// Registered for each test file that imports this module.
afterEach(() => closeAll(openForTest));
afterAll(() => closeAll(openForFile));

type Weather =
  | { readonly kind: 'fair' | 'cut' | 'stall' | 'mute' }
  | { readonly kind: 'slow'; readonly delayMs: number }
  | { readonly kind: 'tamper'; readonly bytes: Buffer; readonly by: Buffer };

export async function openTcpProxy(
  targetPort: number,
  { port = 0, forAllTests = false }: TcpProxyOptions = {},
): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  /** How to tear what goes to a client, by its socket. */
  const tears = new Map<Socket, Tear>();
  let accepted = 0;
  /** What waits for better weather, in order. */
  let held: (() => void)[] = [];
  let weather: Weather = { kind: 'fair' };

  /** Keeps the order: what is held or slow goes out before what comes later. */
  function forward(to: Socket, isToClient: boolean): (part: Buffer) => void {
    let last: Promise<unknown> | null = null;
    return (part) => {
      const tear = tears.get(to);
      if (tear?.torn(part)) return;
      const write = () => {
        if (to.writable) to.write(isToClient && weather.kind === 'tamper' ? tampered(part, weather) : part);
      };
      const now = weather;
      if (now.kind === 'mute' && isToClient) return;
      if (now.kind === 'stall') held.push(write);
      else if (now.kind === 'slow' || last !== null) {
        const delayMs = now.kind === 'slow' ? now.delayMs : 0;
        const sent = Promise.all([last, new Promise((resolve) => setTimeout(resolve, delayMs))]).then(() => {
          if (last === sent) last = null;
          if (weather.kind === 'stall') held.push(write);
          else write();
        });
        last = sent;
      } else write();
    };
  }

  const server = createServer((client) => {
    accepted++;
    if (weather.kind === 'cut') {
      client.destroy();
      return;
    }
    const target = connect(targetPort, '127.0.0.1');
    clients.add(client);
    client.on('close', () => clients.delete(client));
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        tears.get(from)?.closed();
        // Behind a partition nobody hears that the other side has gone.
        if (weather.kind === 'stall') held.push(() => to.destroy());
        else to.destroy();
      });
      from.on('data', forward(to, to === client));
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const cut = () => {
    weather = { kind: 'cut' };
    held = [];
    for (const socket of sockets) socket.destroy();
  };
  (forAllTests ? openForFile : openForTest).add(async () => {
    cut();
    await new Promise((resolve) => server.close(resolve));
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${bound}`,
    port: bound,
    cut,
    get accepted() {
      return accepted;
    },
    async tear(place) {
      await Promise.all(
        [...clients].map(
          (client) =>
            new Promise<void>((closed) => {
              tears.set(client, createTear(client, place, closed));
            }),
        ),
      );
    },
    stall() {
      weather = { kind: 'stall' };
    },
    mute() {
      weather = { kind: 'mute' };
    },
    slow(delayMs) {
      weather = { kind: 'slow', delayMs };
    },
    tamper(bytes, by) {
      weather = { kind: 'tamper', bytes, by };
    },
    mend() {
      weather = { kind: 'fair' };
      const late = held;
      held = [];
      for (const send of late) send();
    },
  };
}

interface Tear {
  /** False: the part is to be forwarded. Else as much of it as may pass has been, and the connection is ending. */
  torn(part: Buffer): boolean;
  closed(): void;
}

function createTear(client: Socket, place: (passed: Buffer) => number, closed: () => void): Tear {
  let passed = Buffer.alloc(0);
  let isTorn = false;
  return {
    closed,
    torn(part) {
      if (isTorn) return true;
      const before = passed.length;
      passed = Buffer.concat([passed, part]);
      const end = place(passed);
      if (end < 0) return false;
      isTorn = true;
      client.end(part.subarray(0, Math.max(0, end - before)));
      // A client that has not ended its side is not waited for.
      client.destroySoon();
      return true;
    },
  };
}

function tampered(part: Buffer, { bytes, by }: { bytes: Buffer; by: Buffer }): Buffer {
  const copy = Buffer.from(part);
  for (let at = copy.indexOf(bytes); at >= 0; at = copy.indexOf(bytes, at + by.length)) by.copy(copy, at);
  return copy;
}
