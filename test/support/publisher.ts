export interface Published {
  /** Data of every event that was answered 202, with its offset, in the order of the answers. */
  readonly stored: ReadonlyMap<string, string>;
  /** Data of every event that got another answer or none: it may be in the log or not. */
  readonly uncertain: ReadonlySet<string>;
}

export interface Publisher extends Published {
  /** Stops after the requests in flight. */
  stop(): Promise<void>;
}

/** Posts numbered events to the gateways in turn, from several callers at once, until it is stopped. */
export function startPublisher(
  urls: readonly string[],
  { callers = 4, prefix = 'event' }: { callers?: number; prefix?: string } = {},
): Publisher {
  const stored = new Map<string, string>();
  const uncertain = new Set<string>();
  let next = 0;
  let running = true;

  async function call(): Promise<void> {
    while (running) {
      const number = next++;
      const data = `${prefix}-${number}`;
      try {
        const res = await fetch(`${urls[number % urls.length]}/broadcast`, { method: 'POST', body: data });
        const body = (await res.json()) as { offset?: string };
        if (res.status === 202) stored.set(data, body.offset ?? '');
        else uncertain.add(data);
      } catch (error) {
        // The gateway is away: what became of the event is not known.
        if (!(error instanceof TypeError)) throw error;
        uncertain.add(data);
      }
    }
  }

  const calls = Array.from({ length: callers }, call);
  return {
    stored,
    uncertain,
    async stop() {
      running = false;
      await Promise.all(calls);
    },
  };
}
