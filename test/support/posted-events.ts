export interface StoredEvent {
  readonly partition: number;
  readonly offset: string;
}

/** What became of the events that a publisher posted. */
export interface PostedEvents {
  /** Data of every event that was answered 202, with where it is, in the order of the answers. */
  readonly stored: ReadonlyMap<string, StoredEvent>;
  /** Data of every event that got another answer or none: it may be in the log or not. */
  readonly uncertain: ReadonlySet<string>;
}

export interface PostedEventsRecorder extends PostedEvents {
  /** Posts one event to this URL; resolves whatever the answer. */
  post(url: string, data: string): Promise<void>;
}

export function createPostedEvents(): PostedEventsRecorder {
  const stored = new Map<string, StoredEvent>();
  const uncertain = new Set<string>();
  return {
    stored,
    uncertain,
    async post(url, data) {
      try {
        const res = await fetch(url, { method: 'POST', body: data });
        const { partition, offset } = (await res.json()) as StoredEvent;
        if (res.status === 202) stored.set(data, { partition, offset });
        else uncertain.add(data);
      } catch (error) {
        // The gateway is away: what became of the event is not known. Not by instanceof: jest has a TypeError of its own.
        if ((error as Error).name !== 'TypeError') throw error;
        uncertain.add(data);
      }
    },
  };
}
