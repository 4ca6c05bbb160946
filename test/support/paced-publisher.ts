export interface StoredEvent {
  readonly partition: number;
  readonly offset: string;
}

export interface PacedPublisher {
  /** Data of every event that was answered 202, with where it is. */
  readonly stored: ReadonlyMap<string, StoredEvent>;
  /** Data of every event that got another answer or none: it may be in the log or not. */
  readonly uncertain: ReadonlySet<string>;
  /** Stops after the requests in flight. */
  stop(): Promise<void>;
}

export interface PacedPublisherOptions {
  /** The data is `<prefix>-<number>`. */
  readonly prefix: string;
  readonly perSecond: number;
  /** Distinct keys, used in turn; they spread over the partitions. Default 12. */
  readonly keys?: number;
}

/** Posts numbered events to the gateways in turn, at a steady pace whatever the answers, until it is stopped. */
export function startPacedPublisher(
  urls: readonly string[],
  { prefix, perSecond, keys = 12 }: PacedPublisherOptions,
): PacedPublisher {
  const stored = new Map<string, StoredEvent>();
  const uncertain = new Set<string>();
  const inFlight = new Set<Promise<void>>();
  let next = 0;

  async function post(number: number): Promise<void> {
    const data = `${prefix}-${number}`;
    try {
      const url = `${urls[number % urls.length]}/broadcast?key=key-${number % keys}`;
      const res = await fetch(url, { method: 'POST', body: data });
      const body = (await res.json()) as StoredEvent;
      if (res.status === 202) stored.set(data, { partition: body.partition, offset: body.offset });
      else uncertain.add(data);
    } catch (error) {
      // The gateway is away: what became of the event is not known. Not by instanceof: jest has a TypeError of its own.
      if ((error as Error).name !== 'TypeError') throw error;
      uncertain.add(data);
    }
  }

  const startMs = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startMs) / 1_000) * perSecond);
    while (next < due) {
      const request = post(next++);
      inFlight.add(request);
      void request.finally(() => inFlight.delete(request));
    }
  }, 1_000 / perSecond);

  return {
    stored,
    uncertain,
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
    },
  };
}
