import { setTimeout as pause } from 'node:timers/promises';
import type { TopicPartition } from '../eventlog/event-log';
import type { Subscriber } from '../hub/subscriber';
import type { Logger } from '../logger';

export interface FailedReadsDeps {
  /** Pause before a read that failed is tried again. */
  readonly retryMs: number;
  /** Reads that are tried at the same time. */
  readonly tries: number;
  readonly signal: AbortSignal;
  /** It waited for a partition that can be read again. */
  readonly onRelease: (subscriber: Subscriber) => void;
  readonly logger: Logger;
}

/** Partitions whose past cannot be read at the moment. Streams that need it go on with the others until a try succeeds. */
export interface FailedReads {
  has(partition: TopicPartition): boolean;
  /** @param retry rejects as long as it cannot be read */
  add(partition: TopicPartition, error: Error, retry: () => Promise<void>): void;
  /** The stream is released with the partition, if it is there still. */
  wait(partition: TopicPartition, subscriber: Subscriber): void;
  /** Takes all partitions for readable. */
  clear(): void;
}

interface Failed {
  readonly partition: TopicPartition;
  readonly retry: () => Promise<void>;
  readonly waiting: Set<Subscriber>;
}

export function createFailedReads({
  retryMs,
  tries,
  signal,
  onRelease,
  logger,
}: FailedReadsDeps): FailedReads {
  const failed = new Map<string, Failed>();
  let isTrying = false;

  function release(key: string, { partition, waiting }: Failed): void {
    if (!failed.delete(key)) return;
    logger.info({ ...partition }, 'older records of a partition can be read again');
    for (const subscriber of waiting) onRelease(subscriber);
  }

  async function tryOnce(all: readonly (readonly [string, Failed])[]): Promise<void> {
    const tried = all.map(async ([key, one]) => {
      try {
        await one.retry();
      } catch {
        return;
      }
      release(key, one);
    });
    await Promise.all(tried);
  }

  async function tryAgain(): Promise<void> {
    isTrying = true;
    try {
      while (failed.size > 0) {
        await pause(retryMs, undefined, { signal });
        const all = [...failed];
        for (const [, { waiting }] of all)
          for (const subscriber of waiting) if (subscriber.state === 'gone') waiting.delete(subscriber);
        for (let i = 0; i < all.length; i += tries) await tryOnce(all.slice(i, i + tries));
      }
    } finally {
      // At once, so that what fails next is tried again.
      isTrying = false;
    }
  }

  return {
    has: (partition) => failed.has(keyOf(partition)),
    add(partition, error, retry) {
      const key = keyOf(partition);
      if (failed.has(key)) return;
      logger.warn({ ...partition, err: error }, 'older records of a partition cannot be read; trying again');
      failed.set(key, { partition, retry, waiting: new Set() });
      // It ends in a pause when this gateway closes.
      if (!isTrying) tryAgain().catch(() => signal.aborted);
    },
    wait: (partition, subscriber) => failed.get(keyOf(partition))?.waiting.add(subscriber),
    clear() {
      for (const [key, one] of [...failed]) release(key, one);
    },
  };
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
