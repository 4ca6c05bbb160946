import { createWallClock } from './wall-clock';

/** Sends events in order; resolves once they are accepted. */
export type Send = (data: readonly string[]) => Promise<void>;

/** Where a publisher's events go. */
export interface Inlet {
  readonly send: Send;
  close(): void | Promise<void>;
}

export interface PublisherOptions {
  readonly eventsPerS: number;
  readonly dataBytes: number;
  /** Closed when the publisher has stopped. */
  readonly inlet: Inlet;
}

/** Publishes events at a steady rate until it is stopped. */
export interface Publisher {
  /** Resolves with the number of events, all of which have been accepted. */
  stop(): Promise<number>;
}

/** How often events are made. */
export const TICK_MS = 5;

/**
 * Data is `<sequence> <wall clock in µs> xxx…`. The clock is read in the tick in which an event is due: its wait for the
 * batch before counts as latency, so backpressure of the server on its publisher is visible. One batch is in flight at a
 * time, since two could overtake each other.
 */
export function startPublisher({ eventsPerS, dataBytes, inlet }: PublisherOptions): Publisher {
  const wallClock = createWallClock();
  const began = performance.now();
  let made = 0;
  let waiting: string[] = [];
  let sending: Promise<void> = Promise.resolve();
  let isSending = false;
  let fault: unknown = null;

  const sendWaiting = async (): Promise<void> => {
    isSending = true;
    try {
      while (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        await inlet.send(batch);
      }
    } catch (error) {
      fault = error;
    } finally {
      isSending = false;
    }
  };

  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - began) / 1_000) * eventsPerS);
    while (made < due) waiting.push(`${made++} ${wallClock()} `.padEnd(dataBytes, 'x'));
    if (waiting.length > 0 && !isSending && fault === null) sending = sendWaiting();
  }, TICK_MS);

  return {
    async stop() {
      clearInterval(timer);
      try {
        await sending;
        if (fault === null) await sendWaiting();
        if (fault !== null) throw fault;
        return made;
      } finally {
        await inlet.close();
      }
    },
  };
}
