import { parseCursor } from '../../../src/wire/cursor';
import type { LogEntry } from './array-log';

export interface ModelSubscription {
  readonly channels: readonly string[];
  /** Null wants all. */
  readonly events: readonly string[] | null;
  readonly meta: boolean;
  /** True: on `/sse`, which is of `/` and has the id before the data. */
  readonly isSse: boolean;
}

/** Where a client's first connection begins; later ones begin at an id that it got. */
export type ModelStart = { from: 'now' } | { from: 'earliest' } | { from: 'last'; count: number };

/** Offsets from `from` (included) to `to` (excluded) that a client was told to be lost. */
export interface Told {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export type Offsets = readonly (number | undefined)[];

export function isFor({ channels, events }: ModelSubscription, entry: LogEntry): boolean {
  const { channel } = entry;
  const isBelow = channels.some((own) => own === '/' || channel === own || channel.startsWith(`${own}/`));
  return isBelow && (events === null || events.includes(entry.event ?? 'message'));
}

/** By partition what an id says. */
export function offsetsOf(id: string): Offsets {
  return parseCursor(id)!.topics[0]!.positions.map(Number);
}
