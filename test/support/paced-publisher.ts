import { createPostedEvents, type PostedEvents } from './posted-events';

export interface PacedPublisher extends PostedEvents {
  /** Stops after the requests in flight. */
  stop(): Promise<void>;
}

export interface PacedPublisherOptions {
  /** The data is `<prefix>-<number>`. */
  readonly prefix: string;
  readonly perSecond: number;
  /** Distinct keys, used in turn; they spread over the partitions. Default 12. */
  readonly keys?: number;
  /** Such as `/pets`; default `/`. */
  readonly channel?: string;
}

/** Posts numbered events to the gateways in turn, at a steady pace whatever the answers, until it is stopped. */
export function startPacedPublisher(
  urls: readonly string[],
  { prefix, perSecond, keys = 12, channel = '' }: PacedPublisherOptions,
): PacedPublisher {
  const { post, ...posted } = createPostedEvents();
  const inFlight = new Set<Promise<void>>();
  let next = 0;

  const startMs = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
    for (; next < due; next++) {
      const url = `${urls[next % urls.length]}/broadcast${channel}?key=key-${next % keys}`;
      const request = post(url, `${prefix}-${next}`);
      inFlight.add(request);
      void request.finally(() => inFlight.delete(request));
    }
  }, 1_000 / perSecond);

  return {
    ...posted,
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
    },
  };
}
