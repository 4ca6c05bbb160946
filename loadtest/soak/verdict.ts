import type { OffsetTrack } from './offset-track';

/** A record of the topic, read directly from Kafka. */
export interface TopicRecord {
  readonly offset: string;
  readonly value: string;
}

export interface Judged {
  /** By client. */
  readonly tracks: readonly ReadonlyMap<number, OffsetTrack>[];
  /** By partition, in order. */
  readonly topic: readonly (readonly TopicRecord[])[];
  /** Acknowledged position of each event. */
  readonly acknowledged: ReadonlyMap<string, { readonly partition: number; readonly offset: string }>;
}

export interface Loss {
  /** Records that a client never received, over all clients. */
  readonly missing: number;
  /** Records that a client received twice. */
  readonly repeated: number;
  /** Acknowledged events that the topic does not have. */
  readonly unstored: number;
}

/**
 * Compares the clients with the topic. A value that the topic has twice is a producer's retry: every reader drops the
 * second one, so only its first offset counts.
 */
export function judge({ tracks, topic, acknowledged }: Judged): Loss {
  const due = topic.map((records) => {
    const seen = new Set<string>();
    return records
      .filter(({ value }) => !seen.has(value) && seen.add(value))
      .map(({ offset }) => Number(offset));
  });
  let missing = 0;
  let repeated = 0;
  for (const client of tracks) {
    for (const [partition, offsets] of due.entries()) {
      const track = client.get(partition);
      const skipped = new Set(track?.skipped);
      missing += offsets.filter(
        (offset) =>
          track === undefined ||
          track.first === null ||
          offset >= track.next ||
          // Older than the client.
          (offset >= track.first && skipped.has(offset)),
      ).length;
      repeated += track?.repeated ?? 0;
    }
  }
  const stored = new Set(topic.flatMap((records) => records.map(({ value }) => value)));
  return { missing, repeated, unstored: [...acknowledged.keys()].filter((data) => !stored.has(data)).length };
}
