import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A network between a client and a server that lets only so many bytes a second through, each way. */
export interface SlowLink {
  readonly port: number;
  /** Bytes that went through to clients. */
  readonly bytesToClients: number;
  /** Another speed from now on. */
  setSpeed(bytesPerSecond: number): void;
  close(): Promise<void>;
}

const TICK_MS = 10;

/**
 * Opens one in front of `targetPort` on 127.0.0.1. All connections share the speed evenly, and what does not go through
 * waits where it is: in the sender's own buffers, as on a real network.
 */
export async function openSlowLink(
  targetPort: number,
  { port = 0, bytesPerSecond }: { readonly port?: number; readonly bytesPerSecond: number },
): Promise<SlowLink> {
  const sockets = new Set<Socket>();
  const up = new Set<Lane>();
  const down = new Set<Lane>();
  let speed = bytesPerSecond;
  let bytesToClients = 0;

  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [from, to, lanes] of [
      [client, target, up],
      [target, client, down],
    ] as const) {
      const lane = createLane(from, to);
      sockets.add(from);
      lanes.add(lane);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        lanes.delete(lane);
        to.destroy();
      });
    }
  });
  let lastMs = performance.now();
  const ticking = setInterval(() => {
    const now = performance.now();
    // A late tick gives no more than a few at once, or the link would be fast for a moment.
    const budget = (speed * Math.min(now - lastMs, 5 * TICK_MS)) / 1_000;
    lastMs = now;
    pass(up, budget);
    bytesToClients += pass(down, budget);
  }, TICK_MS);
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get bytesToClients() {
      return bytesToClients;
    },
    setSpeed(next) {
      speed = next;
    },
    async close() {
      clearInterval(ticking);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Lane {
  /** Lets at most so many bytes through; answers how many there were. */
  pass(bytes: number): number;
}

function createLane(from: Socket, to: Socket): Lane {
  let waiting: Buffer | null = null;
  from.on('data', (part) => {
    waiting = part;
    from.pause();
  });
  return {
    pass(bytes) {
      if (waiting === null || !to.writable) return 0;
      const part = waiting.subarray(0, bytes);
      to.write(part);
      waiting = part.length === waiting.length ? null : waiting.subarray(part.length);
      if (waiting === null) from.resume();
      return part.length;
    },
  };
}

/** Shares the budget: what one does not need is there for the others. Answers what went through. */
function pass(lanes: ReadonlySet<Lane>, budget: number): number {
  let left = Math.floor(budget);
  let open = [...lanes];
  while (left > 0 && open.length > 0) {
    const share = Math.max(1, Math.floor(left / open.length));
    const busy: Lane[] = [];
    for (const lane of open) {
      const passed = lane.pass(Math.min(share, left));
      left -= passed;
      if (passed === share) busy.push(lane);
      if (left <= 0) break;
    }
    open = busy;
  }
  return Math.floor(budget) - left;
}
