import { createDeferred, type Deferred } from './deferred';

/** A queue of values that arrive one by one, with waiting readers. */
export interface Arrivals<T> {
  add(value: T): void;
  /** @throws Error when none comes in time */
  next(): Promise<T>;
}

const DEADLINE_MS = 60_000;

export function createArrivals<T>(what: string): Arrivals<T> {
  const kept: T[] = [];
  let waiting: Deferred<T> | null = null;
  return {
    add(value) {
      if (waiting === null) kept.push(value);
      else waiting.resolve(value);
      waiting = null;
    },
    async next() {
      if (kept.length > 0) return kept.shift()!;
      const deferred = createDeferred<T>();
      waiting = deferred;
      const timer = setTimeout(() => deferred.reject(new Error(`${what} did not come`)), DEADLINE_MS);
      try {
        return await deferred.promise;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
