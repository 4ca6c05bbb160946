import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { distributionOf } from '../probe/distribution';
import { startClientProcesses } from './client-processes';
import { partsOf } from './file-limit';
import { type ClientShare, HOST, nowMs, openRoomClients, portOf, type RoomClients } from './room-clients';

export interface RoomRunOptions {
  readonly ports: readonly number[];
  readonly clients: number;
  readonly roomSize: number;
  /** Most clients of one process: more run in separate processes. */
  readonly clientsPerProcess: number;
}

export interface Deliveries {
  readonly messages: number;
  readonly averageMs: number;
  readonly p99Ms: number;
  readonly totalSeconds: number;
}

/** Clients of one run, in rooms as the room benchmark has them: channel `/rooms/r-<n>`. */
export interface RoomRun {
  readonly connectSeconds: number;
  /** Processes with clients; 1: in the sending process. */
  readonly clientProcesses: number;
  /** All senders post at once and wait until everyone has everything, `iterations` times over. */
  closedLoop(iterations: number): Promise<Deliveries>;
  /** Each sender posts once a second, with its own phase, `iterations` times. */
  paced(iterations: number): Promise<Deliveries>;
  close(): void;
}

/** Streams being opened at the same time, by all processes together. */
const OPENING = 500;
/** Connections shared by the publishers. */
const PUBLISHER_CONNECTIONS = 64;
const QUIET_LIMIT_MS = 30_000;
const QUIET_POLL_MS = 1;
const SECOND_MS = 1_000;

export async function startRoomRun({
  ports,
  clients,
  roomSize,
  clientsPerProcess,
}: RoomRunOptions): Promise<RoomRun> {
  const rooms = Math.ceil(clients / roomSize);
  const agent = new Agent({ keepAlive: true, maxSockets: PUBLISHER_CONNECTIONS });
  let delays: number[] = [];
  const shares = sharesOf({ ports, clients, roomSize, clientsPerProcess });
  const { connectSeconds, open } = await openClients(shares, (delayMs) => delays.push(delayMs));

  function post(room: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = {
        host: HOST,
        port: portOf(room, ports),
        method: 'POST',
        path: `/broadcast/rooms/r-${room}`,
        agent,
      };
      const req = request(options, (res) => {
        res.resume();
        res.once('end', () =>
          res.statusCode === 202 ? resolve() : reject(new Error(`POST answers ${res.statusCode}`)),
        );
      });
      req.once('error', reject);
      req.end(String(nowMs()));
    });
  }

  /** Waits until `count` messages have arrived. */
  async function arrived(count: number): Promise<void> {
    let last = delays.length;
    let lastMs = performance.now();
    while (delays.length < count) {
      await pause(QUIET_POLL_MS);
      if (delays.length > last) {
        last = delays.length;
        lastMs = performance.now();
      } else if (performance.now() - lastMs > QUIET_LIMIT_MS) {
        throw new Error(`${count - delays.length} of ${count} messages did not arrive`);
      }
    }
  }

  async function measured(iterations: number, run: () => Promise<void>): Promise<Deliveries> {
    delays = [];
    const beganMs = performance.now();
    await run();
    await arrived(clients * iterations);
    const totalSeconds = (performance.now() - beganMs) / SECOND_MS;
    const { count, p99 } = distributionOf(delays);
    const averageMs = delays.reduce((sum, delayMs) => sum + delayMs, 0) / count;
    return { messages: count, averageMs, p99Ms: p99, totalSeconds };
  }

  const everyRoom = Array.from({ length: rooms }, (_, room) => room);
  return {
    connectSeconds,
    clientProcesses: shares.length,
    closedLoop: (iterations) =>
      measured(iterations, async () => {
        for (let done = 1; done <= iterations; done++) {
          await Promise.all(everyRoom.map(post));
          await arrived(clients * done);
        }
      }),
    paced: (iterations) =>
      measured(iterations, async () => {
        const sendFrom = async (room: number) => {
          await pause(Math.random() * SECOND_MS);
          const firstMs = performance.now();
          for (let i = 0; i < iterations; i++) {
            await pause(Math.max(0, firstMs + i * SECOND_MS - performance.now()));
            await post(room);
          }
        };
        await Promise.all(everyRoom.map(sendFrom));
      }),
    close() {
      open.close();
      agent.destroy();
    },
  };
}

/** Equal shares, so that no process holds more than it may. */
export function sharesOf({ ports, clients, roomSize, clientsPerProcess }: RoomRunOptions): ClientShare[] {
  const parts = partsOf(clients, clientsPerProcess);
  return Array.from({ length: parts }, (_, i) => {
    const first = Math.floor((clients * i) / parts);
    const count = Math.floor((clients * (i + 1)) / parts) - first;
    return { ports, first, count, roomSize, opening: Math.ceil(OPENING / parts) };
  });
}

async function openClients(
  shares: readonly ClientShare[],
  onDelay: (delayMs: number) => void,
): Promise<{ connectSeconds: number; open: RoomClients }> {
  const processes = shares.length === 1 ? null : await startClientProcesses(shares, onDelay);
  const startMs = performance.now();
  try {
    const open = await (processes?.open() ?? openRoomClients(shares[0]!, onDelay));
    return { connectSeconds: (performance.now() - startMs) / SECOND_MS, open };
  } catch (error) {
    processes?.close();
    throw error;
  }
}
