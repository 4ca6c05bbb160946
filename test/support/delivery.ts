import { recordsOf, type SourceEvent } from './event-source';
import type { TopicRecord } from './topic';

/** What one source received over all its connections, held against the topic. */
export interface Delivery {
  /** In the topic, but never received. */
  readonly missing: readonly string[];
  /** Received after something that stands behind it in its partition. */
  readonly misplaced: readonly string[];
  /** Received, but not in the topic. */
  readonly unknown: readonly string[];
  /** Received again. */
  readonly repeated: readonly string[];
}

export interface DeliveryCheck {
  /** Records that each source is to have. */
  readonly count: number;
  /** Values that stand in the topic more than once. */
  readonly doubled: readonly string[];
  of(source: { readonly events: readonly Pick<SourceEvent, 'event' | 'data'>[] }): Delivery;
}

/**
 * Holds sources against those records of a topic whose value begins with `prefix`, in the order of their partitions. Each
 * is to be seen once.
 */
export function createDeliveryCheck(partitions: readonly TopicRecord[][], prefix: string): DeliveryCheck {
  const places = new Map<string, { partition: number; index: number }>();
  const doubled: string[] = [];
  for (const [partition, records] of partitions.entries()) {
    let index = 0;
    for (const { value } of records) {
      if (!value.startsWith(prefix)) continue;
      if (places.has(value)) doubled.push(value);
      else places.set(value, { partition, index: index++ });
    }
  }
  return {
    count: places.size,
    doubled,
    of(source) {
      const received = new Set<string>();
      const repeated: string[] = [];
      const misplaced: string[] = [];
      const unknown: string[] = [];
      const reached: number[] = partitions.map(() => -1);
      for (const { data } of recordsOf(source)) {
        if (!data.startsWith(prefix)) continue;
        const place = places.get(data);
        if (place === undefined) unknown.push(data);
        else if (received.has(data)) repeated.push(data);
        else {
          received.add(data);
          if (place.index < reached[place.partition]!) misplaced.push(data);
          else reached[place.partition] = place.index;
        }
      }
      const missing = [...places.keys()].filter((value) => !received.has(value));
      return { missing, misplaced, unknown, repeated };
    },
  };
}
