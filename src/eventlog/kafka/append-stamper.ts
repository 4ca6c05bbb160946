import { randomBytes } from 'node:crypto';
import type { QueuedAppend } from './append-queue';
import type { PendingAppend } from './batch-sender';
import type { Cluster } from './cluster';
import { partitionOf } from './partitioner';
import { APPENDER_HEADER, SEQUENCE_HEADER } from './sequence-filter';

export type StampedAppend = PendingAppend & { readonly deadlineMs: number };

export type Stamper = (queued: QueuedAppend) => StampedAppend;

/** Bytes that the two headers of a stamp add to a record, at the most. */
export const STAMP_BYTES = 70;

/** Gives each record its partition and, for the readers' `SequenceFilter`, this process's id and the next number. */
export function createStamper(cluster: Pick<Cluster, 'partitionCount'>): Stamper {
  const appender = { key: APPENDER_HEADER, value: Buffer.from(randomBytes(8).toString('hex'), 'latin1') };
  const turns = new Map<string, number>();
  let sequence = 0;

  function partitionFor(topic: string, key: Buffer | null): number {
    const count = cluster.partitionCount(topic);
    if (key !== null) return partitionOf(key, count);
    const turn = turns.get(topic) ?? 0;
    turns.set(topic, turn + 1);
    return turn % count;
  }

  return ({ topic, key, value, headers, deadlineMs, onSettled }) => {
    const number = { key: SEQUENCE_HEADER, value: Buffer.from(String(++sequence), 'latin1') };
    return {
      topic,
      partition: partitionFor(topic, key),
      record: { key, value, headers: [...headers, appender, number] },
      deadlineMs,
      onSettled,
      settled: false,
      uncertain: false,
    };
  };
}
