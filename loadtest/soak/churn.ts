import { connect, type Socket } from 'node:net';

/** Clients that connect and disconnect, some with invalid requests, and some that never read. */
export interface Churn {
  /** Connections made so far. */
  readonly count: number;
  stop(): void;
}

export interface ChurnOptions {
  readonly host: string;
  readonly port: number;
  readonly perSecond: number;
  /** Streams that are opened once and never read. */
  readonly neverReading: number;
}

const LIFE_MS = 2_000;
const JUNK = [
  'GET /sse?lastEventId=%00 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /sse HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 1.zzz.####\r\n\r\n',
  'GET /subscribe/../../etc HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc',
  'POST /events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\n{"a":',
  'nonsense\r\n\r\n',
  'GET /sse HTTP/1.1\r\nHost: x\r\nX-Unfinished: ',
];
const PLAIN = ['/sse', '/sse?from=-5', '/subscribe/nobody/here', '/events?channel=/a&channel=/b&event=x'].map(
  (path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
);

export function startChurn({ host, port, perSecond, neverReading }: ChurnOptions): Churn {
  const sockets = new Set<Socket>();
  let count = 0;

  function open(request: string): Socket {
    count++;
    const socket = connect({ host, port });
    sockets.add(socket);
    // Failures of single visitors are not part of the verdict.
    socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    socket.write(request);
    return socket;
  }

  for (let i = 0; i < neverReading; i++) open(PLAIN[0]!).pause();
  const timer = setInterval(() => {
    const requests = count % 3 === 0 ? JUNK : PLAIN;
    const socket = open(requests[count % requests.length]!);
    socket.resume();
    setTimeout(() => socket.destroy(), LIFE_MS * Math.random()).unref();
  }, 1_000 / perSecond);

  return {
    get count() {
      return count;
    },
    stop() {
      clearInterval(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}
