import { connect, type Socket } from 'node:net';

const open = new Set<Socket>();

afterEach(() => {
  for (const socket of open) socket.destroy();
});

export interface RawConnection {
  readonly socket: Socket;
  /** Everything received so far, as latin1. */
  received(): string;
  /** Resolves as soon as what was received matches. Rejects after the deadline or when the connection ends without it. */
  until(pattern: RegExp | string, deadlineMs?: number): Promise<string>;
  /** Resolves with everything received, when the other side has closed. */
  closed(deadlineMs?: number): Promise<string>;
}

const DEADLINE_MS = 5_000;

/** Sends bytes as they are: for what an HTTP client would not send, or would hide. */
export function rawHttp(port: number, request: string, host = '127.0.0.1'): RawConnection {
  const socket = connect({ port, host, noDelay: true });
  open.add(socket);
  let received = '';
  let isClosed = false;
  const waiting = new Set<() => void>();
  const judge = () => {
    for (const check of waiting) check();
  };
  socket.on('data', (part) => {
    received += part.toString('latin1');
    judge();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    open.delete(socket);
    isClosed = true;
    judge();
  });
  socket.write(request, 'latin1');

  function when(condition: () => boolean, what: string, deadlineMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error) => {
        clearTimeout(timer);
        waiting.delete(check);
        if (error === undefined) resolve(received);
        else reject(error);
      };
      const fail = (why: string) =>
        finish(new Error(`${why}: ${what}; received ${JSON.stringify(received)}`));
      const check = () => {
        if (condition()) finish();
        else if (isClosed) fail('closed before');
      };
      const timer = setTimeout(() => fail(`not within ${deadlineMs} ms`), deadlineMs);
      waiting.add(check);
      check();
    });
  }

  return {
    socket,
    received: () => received,
    until: (pattern, deadlineMs = DEADLINE_MS) =>
      when(
        () => (typeof pattern === 'string' ? received.includes(pattern) : pattern.test(received)),
        String(pattern),
        deadlineMs,
      ),
    closed: (deadlineMs = DEADLINE_MS) => when(() => isClosed, 'close', deadlineMs),
  };
}
