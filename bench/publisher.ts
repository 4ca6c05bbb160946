import { createWallClock } from './wall-clock';

/** Sends events in order to where they are to come from; resolves once they are accepted. */
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

/** Makes events at a steady rate until it is told to stop. */
export interface Publisher {
  /** Resolves with the number of events that were made, all of which have been accepted. */
  stop(): Promise<number>;
}

/** How often events are made. */
export const TICK_MS = 5;

/**
 * Data is `<sequence> <wall clock in µs> xxx…`. The clock is read when an event is made, at the tick in which it is
 * due: what it waits for the batch before it counts as latency, so a server that holds its publisher back shows it.
 * One batch is on its way at a time, since two could overtake each other.
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
