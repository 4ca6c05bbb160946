import { parseCursor } from '../../../src/wire/cursor';
import type { LogEntry } from './array-log';

export interface ModelSubscription {
  readonly channels: readonly string[];
  /** Null: all. */
  readonly events: readonly string[] | null;
  readonly meta: boolean;
  /** True: on `/sse`, whose channel is `/` and whose id is before the data. */
  readonly isSse: boolean;
}

/** Where a client's first stream begins; later ones resume from an id. */
export type ModelStart = { from: 'now' } | { from: 'earliest' } | { from: 'last'; count: number };

/** Offsets from `from` (inclusive) to `to` (exclusive) that were reported to a client as lost. */
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

/** By partition, the offset in an id. */
export function offsetsOf(id: string): Offsets {
  return parseCursor(id)!.topics[0]!.positions.map(Number);
}
