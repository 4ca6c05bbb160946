import { createServer } from 'node:net';

/**
 * Below the ranges from which Linux (32768–60999) and macOS (49152–65535) take the ports of outgoing connections: a
 * port in those may be in use for an outgoing connection when a restarted process listens on it again.
 */
const FIRST_PORT = 20_000;
const LAST_PORT = 29_999;

/** Given out by this process, and perhaps not yet in use. */
const taken = new Set<number>();

/** Free ports, different at each call. @throws Error when there are not enough */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  for (let tries = 0; found.length < count; tries++) {
    if (tries > LAST_PORT - FIRST_PORT) {
      throw new Error(`no ${count} free ports between ${FIRST_PORT} and ${LAST_PORT}`);
    }
    // At random, so that processes that search at the same time find different ports.
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    found.push(port);
  }
  return found;
}

/** @throws Error with the port and its purpose when it is in use */
export async function assertPortFree(port: number, purpose: string): Promise<void> {
  if (!(await isFree(port))) {
    throw new Error(
      `port ${port}, wanted for ${purpose}, is taken: stop what listens there or choose another port`,
    );
  }
}

async function isFree(port: number): Promise<boolean> {
  // On some systems a listener on one address does not conflict with one on all addresses.
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '0.0.0.0'));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
