import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { openRoomClient, type RoomClient } from './room-client';

export interface RoomRunOptions {
  readonly ports: readonly number[];
  readonly clients: number;
  readonly roomSize: number;
}

export interface Deliveries {
  readonly messages: number;
  readonly averageMs: number;
  readonly p99Ms: number;
  readonly totalSeconds: number;
}

/** Clients of one run, in rooms of six as document 001 has them: channel `/rooms/r-<n>`. */
export interface RoomRun {
  readonly connectSeconds: number;
  /** All senders post at once and wait until everyone has everything, `iterations` times over. */
  closedLoop(iterations: number): Promise<Deliveries>;
  /** Each sender posts once a second, at a moment of its own, `iterations` times. */
  paced(iterations: number): Promise<Deliveries>;
  close(): void;
}

const HOST = '127.0.0.1';
/** Streams that are being opened at the same time. */
const OPENING = 500;
/** Connections that publishers share, as a browser's page would keep one. */
const PUBLISHER_CONNECTIONS = 64;
const QUIET_LIMIT_MS = 30_000;
const QUIET_POLL_MS = 1;
const SECOND_MS = 1_000;

const nowMs = (): number => performance.timeOrigin + performance.now();

export async function startRoomRun({ ports, clients, roomSize }: RoomRunOptions): Promise<RoomRun> {
  const rooms = Math.ceil(clients / roomSize);
  const agent = new Agent({ keepAlive: true, maxSockets: PUBLISHER_CONNECTIONS });
  const open: RoomClient[] = [];
  let delays: number[] = [];
  const onData = (data: string): void => {
    delays.push(nowMs() - Number(data));
  };

  const startMs = performance.now();
  for (let from = 0; from < clients; from += OPENING) {
    const some = Array.from({ length: Math.min(OPENING, clients - from) }, (_, i) => {
      const room = Math.floor((from + i) / roomSize);
      return openRoomClient(HOST, ports[(from + i) % ports.length]!, `/subscribe/rooms/r-${room}`, onData);
    });
    open.push(...(await Promise.all(some)));
  }
  const connectSeconds = (performance.now() - startMs) / SECOND_MS;

  function post(room: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const options = {
        host: HOST,
        port: ports[room % ports.length],
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

  /** Waits until so many messages have arrived. */
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
    const sorted = Float64Array.from(delays).sort();
    return {
      messages: sorted.length,
      averageMs: sorted.reduce((sum, delay) => sum + delay, 0) / sorted.length,
      p99Ms: sorted[Math.floor(sorted.length * 0.99)]!,
      totalSeconds,
    };
  }

  const everyRoom = Array.from({ length: rooms }, (_, room) => room);
  return {
    connectSeconds,
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
      for (const client of open) client.close();
      agent.destroy();
    },
  };
}
