import { openRoomClient, type RoomClient } from './room-client';

/** Clients `first` to `first + count` of a run, which has one room for every `roomSize` of them. */
export interface ClientShare {
  /** URLs of the gateways. A room is at one of them, since they share no event log. */
  readonly ports: readonly number[];
  readonly first: number;
  readonly count: number;
  readonly roomSize: number;
  /** Streams being opened at the same time. */
  readonly opening: number;
}

export interface RoomClients {
  close(): void;
}

export const HOST = '127.0.0.1';

/** Milliseconds of Unix time, with fractions: the same clock in all processes of a machine. */
export const nowMs = (): number => performance.timeOrigin + performance.now();

export function portOf(room: number, ports: readonly number[]): number {
  return ports[room % ports.length]!;
}

/** Resolves when every client is connected. `onDelay` has the time that each message took. */
export async function openRoomClients(
  { ports, first, count, roomSize, opening }: ClientShare,
  onDelay: (delayMs: number) => void,
): Promise<RoomClients> {
  const open: RoomClient[] = [];
  const onData = (data: string): void => onDelay(nowMs() - Number(data));
  const openOne = async (client: number): Promise<void> => {
    const room = Math.floor(client / roomSize);
    open.push(await openRoomClient(HOST, portOf(room, ports), `/subscribe/rooms/r-${room}`, onData));
  };
  for (let from = 0; from < count; from += opening) {
    const some = Array.from({ length: Math.min(opening, count - from) }, (_, i) => first + from + i);
    await Promise.all(some.map(openOne));
  }
  return {
    close() {
      for (const client of open) client.close();
    },
  };
}
