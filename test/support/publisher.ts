import { createPostedEvents, type PostedEvents } from './posted-events';

export interface Publisher extends PostedEvents {
  /** Stops after the requests in flight. */
  stop(): Promise<void>;
}

/** Posts numbered events to the gateways in turn, from several callers at once, until it is stopped. */
export function startPublisher(
  urls: readonly string[],
  { callers = 4, prefix = 'event' }: { callers?: number; prefix?: string } = {},
): Publisher {
  const { post, ...posted } = createPostedEvents();
  let next = 0;
  let running = true;

  async function call(): Promise<void> {
    while (running) {
      const number = next++;
      await post(`${urls[number % urls.length]}/broadcast`, `${prefix}-${number}`);
    }
  }

  const calls = Array.from({ length: callers }, call);
  return {
    ...posted,
    async stop() {
      running = false;
      await Promise.all(calls);
    },
  };
}
